import { pairWords } from '../rtc/pair';
import { latency } from '../state/figures/view';
import { store } from '../state/store';
import { texts } from '../texts';
import { bitRate } from './format';

/** What is known of the picture now: over it, or under it. */
export function VideoFacts() {
  const words = texts.video;
  const figures = store.figures.value;
  const pair = store.pair.value;
  if (figures === undefined) return null;
  const { codec, width, height, framesPerSecond } = figures;
  const rows: [name: string, title: string, value: string | undefined][] = [
    ['codec', words.codec, codec],
    ['size', words.size, width && height ? `${width}×${height}` : undefined],
    ['rate', words.rate, framesPerSecond === undefined ? undefined : words.frameRate(framesPerSecond)],
    ['bitRate', words.bitRate, figures.bitRate === undefined ? undefined : bitRate(figures.bitRate)],
  ];
  return (
    <dl class="video-facts" aria-label={words.facts}>
      {rows.map(([name, title, value]) => value !== undefined && <Fact key={name} {...{ name, title, value }} />)}
      <Latency />
      {pair !== undefined && <Fact name="path" title={words.path} value={pairWords(pair)} />}
    </dl>
  );
}

function Latency() {
  const words = texts.video;
  const measured = latency.latest.value;
  if (measured === undefined) return null;
  if (typeof measured === 'string') {
    return <Fact name="latency" title={words.latency} value={words.latencyUnknown} why={words.why[measured]} />;
  }
  return (
    <Fact
      name="latency"
      title={words.latency}
      value={words.latencyKnown(measured.value, measured.uncertainty)}
      measured={[measured.value, measured.uncertainty]}
    />
  );
}

interface FactProps {
  name: string;
  title: string;
  value: string;
  why?: string;
  /** The value and how far it may be off, in microseconds. */
  measured?: readonly [number, number];
}

function Fact({ name, title, value, why, measured }: FactProps) {
  return (
    <div data-fact={name} data-value={measured?.[0]} data-uncertainty={measured?.[1]} title={why ?? title}>
      <dt class="hidden">{title}</dt>
      <dd>
        {value}
        {why !== undefined && <span class="hidden">{why}</span>}
      </dd>
    </div>
  );
}
