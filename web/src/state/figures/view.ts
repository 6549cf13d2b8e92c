import { computed, signal } from '@preact/signals';
import { pageTime } from '../../rtc/recorder';
import { environment } from '../environment';
import { isGrowing, store } from '../store';
import { uplink } from '../uplink';
import { type Figures, figuresOf, since } from './figures';
import { type Mark, marksOf } from './marks';
import { LatencyMeter } from './meter';
import { type Reading, readingsOf } from './readings';

/** The newest minute, or all of it. */
export type Span = 'minute' | 'all';

const MINUTE_S = 60;

/** What the reader has chosen to see of the figures. */
export const span = signal<Span>('minute');
/** The facts stand over the picture. */
export const facts = signal(true);

/** How old the pictures of the page's own session are when they are presented. */
export const latency = new LatencyMeter({
  events: () => store.live.timeline.events,
  clock: () => store.clock.value,
  now: pageTime,
  granularity: environment.granularity,
});

/** What a group of plots shows. */
export interface Plotted {
  figures: Figures;
  marks: readonly Mark[];
  /** Seconds of the axis, from and to. */
  range: readonly [number, number];
}

/** A list that is found anew with each event stays the same as long as its ends do: most events change no figure. */
function steady<T extends object>(find: () => readonly T[], same: (a: T, b: T) => boolean) {
  let before: readonly T[] = [];
  return computed(() => {
    const fresh = find();
    const ends: [T | undefined, T | undefined][] = [
      [before[0], fresh[0]],
      [before.at(-1), fresh.at(-1)],
    ];
    const unchanged = before.length === fresh.length && ends.every(([a, b]) => a === b || (a && b && same(a, b)));
    if (!unchanged) before = fresh;
    return before;
  });
}

const readings = steady<Reading>(
  () => readingsOf(store.timeline.all.value),
  (a, b) => a === b,
);
const all = computed(() => figuresOf(readings.value));
const marks = steady<Mark>(
  () => marksOf(store.timeline.all.value, readings.value),
  (a, b) => a.time === b.time && a.sequence === b.sequence && a.kind === b.kind,
);

/** The figures of the session that is shown. */
export const session = computed(() => plotted(all.value, marks.value, span.value, isGrowing.value));

/** What the daemon measured of the picture that this page sends. */
export const sent = computed(() => plotted(figuresOf(uplink.readings.value), [], span.value, uplink.on.value));

function plotted(figures: Figures, marks: readonly Mark[], wanted: Span, growing: boolean): Plotted {
  const end = figures.time.at(-1) ?? 0;
  const begin = figures.time[0] ?? 0;
  if (wanted === 'all') return { figures, marks, range: [begin, Math.max(end, begin + 1)] };
  const from = Math.max(end - MINUTE_S, begin);
  // While figures come, the axis is a minute from the beginning on, and does not stretch.
  const range = [from, growing ? from + MINUTE_S : Math.max(end, begin + 1)] as const;
  return { figures: since(figures, from), marks: marks.filter(({ time }) => time >= range[0]), range };
}
