import type { Reading } from './readings';

/** What is plotted. */
export const FIGURES = [
  'bitRate',
  'roundTripTime',
  'jitter',
  'packetLoss',
  'framesPerSecond',
  'framesDropped',
  'latency',
] as const;
export type FigureName = (typeof FIGURES)[number];

/** Columns of one length: a time, and what each figure was then. A null is unknown, and interrupts a line. */
export interface Figures {
  /** Seconds on the session's axis. */
  time: number[];
  /** Bits per second; milliseconds; per cent; frames per second. */
  columns: Record<FigureName, (number | null)[]>;
}

/** Rates of a shorter time than this are noise: statistics are read at changes of state, too. */
const LEAST_MS = 500;
/** Statistics come once a second. After a longer silence what was between is not known: the page slept, or the record let it go. */
const SILENCE_MS = 3000;

/** A figure in a few numbers. */
export interface Summary {
  last: number | undefined;
  min: number | undefined;
  mean: number | undefined;
  max: number | undefined;
}

/** The figures between readings. `readings` are in order of time. */
export function figuresOf(readings: readonly Reading[]): Figures {
  const figures: Figures = { time: [], columns: emptyColumns() };
  let before: Reading | undefined;
  for (const reading of readings) {
    const follows = before !== undefined && before.stream === reading.stream && reading.read > before.read;
    const elapsed = follows && before !== undefined ? reading.read - before.read : Number.POSITIVE_INFINITY;
    if (elapsed < LEAST_MS) continue;
    const silent = elapsed > SILENCE_MS;
    const last = figures.time.at(-1);
    // A line must not lead over what nobody has seen.
    if (last !== undefined && silent) row(figures, (last + reading.time / 1e6) / 2, {});
    row(figures, reading.time / 1e6, between(silent ? undefined : before, reading, elapsed / 1000));
    before = reading;
  }
  return figures;
}

function between(before: Reading | undefined, now: Reading, seconds: number): Partial<Record<FigureName, number>> {
  const grown = (name: 'bytes' | 'packets' | 'packetsLost' | 'frames' | 'framesDropped'): number | undefined => {
    const [then, here] = [before?.[name], now[name]];
    return then === undefined || here === undefined ? undefined : here - then;
  };
  /** A counter that went back has begun anew: what it counted is not known. */
  const rate = (growth: number | undefined, factor = 1) =>
    growth === undefined || growth < 0 ? undefined : (growth * factor) / seconds;
  return known({
    bitRate: now.bitRate ?? rate(grown('bytes'), 8),
    roundTripTime: scaled(now.roundTripTime, 1000),
    jitter: scaled(now.jitter, 1000),
    packetLoss: scaled(now.fractionLost, 100) ?? loss(grown('packets'), grown('packetsLost')),
    framesPerSecond: now.framesPerSecond ?? rate(grown('frames')),
    framesDropped: rate(grown('framesDropped')),
    latency: scaled(now.latency, 1000),
  });
}

/** Per cent of what was sent. Late packets make earlier losses good (RFC 3550 §6.4.1): then nothing was lost meanwhile. */
function loss(received: number | undefined, lost: number | undefined): number | undefined {
  if (received === undefined || lost === undefined || received < 0) return undefined;
  const missing = Math.max(0, lost);
  return received + missing === 0 ? undefined : (100 * missing) / (received + missing);
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function known<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function emptyColumns(): Figures['columns'] {
  return Object.fromEntries(FIGURES.map((name) => [name, [] as (number | null)[]])) as Figures['columns'];
}

function row({ time, columns }: Figures, at: number, values: Partial<Record<FigureName, number>>): void {
  time.push(at);
  for (const name of FIGURES) columns[name].push(values[name] ?? null);
}

/** The figures from a time on, in seconds. */
export function since({ time, columns }: Figures, from: number): Figures {
  const first = time.findIndex((at) => at >= from);
  const start = first === -1 ? time.length : first;
  const cut = Object.fromEntries(FIGURES.map((name) => [name, columns[name].slice(start)])) as Figures['columns'];
  return { time: time.slice(start), columns: cut };
}

/** The last, the least, the mean and the greatest of what is known. */
export function summary(values: readonly (number | null)[]): Summary {
  const numbers = values.filter((value) => value !== null);
  if (numbers.length === 0) return { last: undefined, min: undefined, mean: undefined, max: undefined };
  return {
    // Unknown now is unknown, whatever was known before.
    last: values.at(-1) ?? undefined,
    min: Math.min(...numbers),
    mean: numbers.reduce((sum, value) => sum + value, 0) / numbers.length,
    max: Math.max(...numbers),
  };
}
