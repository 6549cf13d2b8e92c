/** How times become places from top to bottom. */
export type Mode = 'compressed' | 'linear';

export interface AxisOptions {
  mode: Mode;
  /** 1: every row readable (compressed), or all of it in the window (linear). */
  zoom: number;
  /** Pixels of the window. */
  viewport: number;
  /** Pixels that an arrow needs together with its label. */
  row: number;
}

/** Empty pixels above the first and below the last arrow. */
export const MARGIN = 34;
/** Browsers lay out nothing beyond some 17 million pixels (Firefox). */
export const TALLEST = 4_000_000;
/** Of the compressed axis: a wait adds room with its logarithm, so that it can be seen and takes no picture. */
const WAIT_PIXELS = 10;
const WAIT_UNIT_US = 5_000;

export interface Axis {
  /** Where each time is. */
  y: number[];
  /** Pixels in all. */
  height: number;
}

/** Places for times that do not decrease. */
export function axis(times: readonly number[], options: AxisOptions): Axis {
  const { mode, row, viewport } = options;
  const first = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 0) - first);
  const zoom = limited(span, options);
  const perMicro = ((viewport - 2 * MARGIN) / span) * zoom;
  let last = MARGIN;
  const y = times.map((time, index) => {
    if (mode === 'linear') last = MARGIN + (time - first) * perMicro;
    else if (index > 0) last += zoom * (row + waiting(time - (times[index - 1] ?? time)));
    return last;
  });
  return { y, height: Math.max(viewport, last + MARGIN) };
}

/** What of the wished zoom is possible. `span` in microseconds. */
export function limited(span: number, { mode, zoom, viewport }: AxisOptions): number {
  if (mode === 'compressed') return Math.min(4, Math.max(0.01, zoom));
  // At most a microsecond to a pixel: the times have no finer steps.
  const most = Math.min(TALLEST, span) / Math.max(1, viewport);
  return Math.min(Math.max(1, most), Math.max(1, zoom));
}

function waiting(gap: number): number {
  return WAIT_PIXELS * Math.log10(1 + Math.max(0, gap) / WAIT_UNIT_US);
}

/** Between two lists that grow together: which value of `to` belongs to `value` in `from`. */
export function between(from: readonly number[], to: readonly number[], value: number): number {
  const after = from.findIndex((one) => one >= value);
  if (after === -1) return to.at(-1) ?? 0;
  const [low, high] = [from[after - 1], from[after]];
  if (low === undefined || high === undefined) return to[after] ?? 0;
  const part = high === low ? 0 : (value - low) / (high - low);
  const [start, end] = [to[after - 1] ?? 0, to[after] ?? 0];
  return start + part * (end - start);
}

/** Round times between two, in microseconds, at most `count` or so: 1, 2 or 5 times a power of ten apart. */
export function ticks(first: number, last: number, count: number): number[] {
  const raw = (last - first) / Math.max(1, count);
  if (raw <= 0) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, power * ([1, 2, 5].find((one) => one * power >= raw) ?? 10));
  const found: number[] = [];
  // + 0: no «-0» on the axis.
  for (let time = Math.ceil(first / step) * step + 0; time <= last; time += step) found.push(time);
  return found;
}
