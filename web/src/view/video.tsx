import { useEffect, useRef } from 'preact/hooks';
import { watchPresented } from '../rtc/presented';
import { controller } from '../state/controller';
import { facts, latency } from '../state/figures/view';
import { store } from '../state/store';
import { texts } from '../texts';
import { VideoFacts } from './facts';
import { milliseconds } from './format';
import { Help } from './help';

/** The daemon's picture with its facts. */
export function Video() {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    controller.attach(video.current);
    return () => controller.attach(null);
  }, []);
  const started = store.times.value.firstFrame !== undefined;
  useEffect(() => {
    // Not before the first frame: until then nothing stands in its way.
    if (!started || video.current === null) return undefined;
    return watchPresented(video.current, (frame) => latency.take(frame));
  }, [started]);
  return (
    <figure class="card video" data-over={facts.value}>
      <div class="screen">
        <video ref={video} id="video" playsInline muted autoplay aria-label={texts.video.label} />
        {!started && <p class="empty">{texts.video.empty}</p>}
      </div>
      <VideoFacts />
      <figcaption>
        {caption()}
        <label class="check facts-switch">
          <input
            type="checkbox"
            checked={facts.value}
            onChange={(event) => {
              facts.value = event.currentTarget.checked;
            }}
          />
          <span>{texts.video.over}</span>
        </label>
      </figcaption>
      <Help lines={texts.video.help} />
    </figure>
  );
}

function caption() {
  const figures = store.figures.value;
  const { created, firstFrame } = store.times.value;
  const parts: string[] = [];
  if (created !== undefined && firstFrame !== undefined) {
    parts.push(texts.video.firstFrame(milliseconds(firstFrame - created)));
  }
  if (figures?.packetsLost) parts.push(texts.video.lost(figures.packetsLost));
  if (parts.length === 0) return <span>{texts.video.waiting}</span>;
  return parts.map((part) => <span key={part.replace(/[\d.]+/g, '')}>{part}</span>);
}
