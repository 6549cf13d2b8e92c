import { useEffect, useRef } from 'preact/hooks';
import { controller } from '../state/controller';
import { store } from '../state/store';
import { texts } from '../texts';
import { bitRate, milliseconds } from './format';

/** The daemon's picture with its figures. */
export function Video() {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    controller.attach(video.current);
    return () => controller.attach(null);
  }, []);
  const started = store.times.value.firstFrame !== undefined;
  return (
    <figure class="card video">
      <div class="screen">
        <video ref={video} id="video" playsInline muted autoplay aria-label={texts.video.label} />
        {!started && <p class="empty">{texts.video.empty}</p>}
      </div>
      <figcaption>{caption()}</figcaption>
    </figure>
  );
}

function caption() {
  const figures = store.figures.value;
  const { created, firstFrame } = store.times.value;
  const parts: string[] = [];
  if (figures?.codec) parts.push(figures.codec);
  if (figures?.width && figures.height) parts.push(`${figures.width}×${figures.height}`);
  if (figures?.framesPerSecond !== undefined) parts.push(texts.video.frameRate(figures.framesPerSecond));
  if (figures?.bitRate !== undefined) parts.push(bitRate(figures.bitRate));
  if (figures?.packetsLost) parts.push(texts.video.lost(figures.packetsLost));
  if (created !== undefined && firstFrame !== undefined) {
    parts.push(texts.video.firstFrame(milliseconds(firstFrame - created)));
  }
  if (parts.length === 0) return <span>{texts.video.waiting}</span>;
  return parts.map((part) => <span key={part.replace(/[\d.]+/g, '')}>{part}</span>);
}
