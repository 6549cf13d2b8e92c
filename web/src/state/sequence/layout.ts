import type { Event } from '../../generated/Event';
import { isFigure } from '../figures/kinds';
import { type AxisOptions, axis, between } from './axis';
import { fold, type Item } from './folds';
import { type Phase, phases } from './phases';

export interface LayoutOptions extends AxisOptions {
  /** Whether retransmissions and repeats are one arrow. */
  folding: boolean;
  /** Where labels stand: over their arrows, or under them on narrow pages. */
  labels: 'over' | 'under';
}

/** An arrow or a mark with its place. */
export interface Placed extends Item {
  /** Pixels from the top. */
  y: number;
  /** There is room for its words. */
  labelled: boolean;
  /** There is room for them beside it, too. */
  roomy: boolean;
  /** How many stand so close to it that their words have no room. */
  crowd: number;
}

/** A wait that the compressed axis shortened. */
export interface Gap {
  /** Where, in pixels. */
  y: number;
  /** How long, in microseconds. */
  length: number;
}

export interface Layout {
  rows: Placed[];
  phases: (Phase & { top: number; bottom: number })[];
  gaps: Gap[];
  height: number;
}

/** Pixels that a line of words takes, with the line of its arrow. */
export const LABEL_HEIGHT = 17;
/** Pixels to the next arrow that a label beside a mark needs: half of it, and the next one's own. */
const BESIDE = 25;
/** Waits from this on are named, in microseconds. */
const NAMED_GAP_US = 250_000;

/** Statistics are figures of every second: they are for plots and the timeline. */
export function isDrawn(event: Event): boolean {
  return !isFigure(event);
}

/** Where everything stands. `events` are in order of time. */
export function layout(events: readonly Event[], options: LayoutOptions): Layout {
  const shown = events.filter(isDrawn);
  const items = fold(shown, events.at(-1)?.time ?? 0, options.folding);
  const times = items.map((item) => item.time);
  const { y, height } = axis(times, options);
  // New objects of one shape: copying all members takes most of a layout's time.
  const rows = items.map((item, index) =>
    Object.assign(item, { y: y[index] ?? 0, labelled: false, roomy: false, crowd: 0 }),
  );
  label(rows, options.labels);
  const bands = phases(shown).map((phase) => ({
    ...phase,
    top: between(times, y, phase.from),
    bottom: between(times, y, phase.to),
  }));
  return { rows, phases: bands, gaps: gapsOf(rows, options), height };
}

/** Words get their room: none of them stands on another's words or arrow. */
function label(rows: Placed[], side: 'over' | 'under'): void {
  // Over: the first of a crowd has room above it. Under: its last has room below.
  const order = side === 'over' ? rows : rows.toReversed();
  let named: Placed | undefined;
  let before: Placed | undefined;
  for (const row of order) {
    if (before === undefined || Math.abs(row.y - before.y) >= LABEL_HEIGHT) {
      row.labelled = true;
      named = row;
    } else if (named !== undefined) named.crowd += 1;
    before = row;
  }
  for (const [index, row] of rows.entries())
    row.roomy = (rows[index + 1]?.y ?? Number.POSITIVE_INFINITY) - row.y >= BESIDE;
}

function gapsOf(rows: readonly Placed[], { mode, row, labels }: LayoutOptions): Gap[] {
  if (mode === 'linear') return [];
  // In a fold that goes on there is no wait.
  let last = Number.NEGATIVE_INFINITY;
  return rows.flatMap((next, index) => {
    const before = rows[index - 1];
    const length = next.time - last;
    last = Math.max(last, next.events.at(-1)?.time ?? next.time);
    if (before === undefined || length < NAMED_GAP_US) return [];
    const room = next.y - before.y;
    if (room < row + LABEL_HEIGHT * 0.9) return [];
    const middle = (room + (labels === 'over' ? -LABEL_HEIGHT : LABEL_HEIGHT)) / 2;
    return [{ y: before.y + middle, length }];
  });
}

/** The row that an event is in. */
export function rowOf(rows: readonly Placed[], sequence: number): number | undefined {
  const index = rows.findIndex((row) => row.events.some((event) => event.sequence === sequence));
  return index === -1 ? undefined : index;
}

/** The rows whose arrow is between two heights. */
export function within(rows: readonly Placed[], top: number, bottom: number): { first: number; end: number } {
  return { first: firstAt(rows, top), end: firstAt(rows, bottom) };
}

function firstAt(rows: readonly Placed[], y: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.y ?? 0) < y) low = middle + 1;
    else high = middle;
  }
  return low;
}
