import { computed, signal } from '@preact/signals';
import type { Event } from '../../generated/Event';
import { isGrowing, store } from '../store';
import { limited, MARGIN, type Mode } from './axis';
import { isDrawn, type Layout, layout, rowOf } from './layout';
import type { Phase } from './phases';
import { advance, type Position } from './replay';

/** Pixels for an arrow with its words. */
const ROW = 30;
/** How fast a replay may be, 1 being as it was: a set-up takes a fraction of a second. */
export const SPEEDS = [0.01, 0.1, 1, 10, 100] as const;

/** What the reader has chosen to see of the sequence, and what that looks like. */
class SequenceView {
  readonly mode = signal<Mode>('compressed');
  readonly zoom = signal(1);
  readonly folding = signal(true);
  readonly table = signal(false);
  /** The window's size in pixels. */
  readonly size = signal({ width: 800, height: 520 });
  /** The row that the arrow keys have come to, and the one under the pointer. */
  readonly active = signal(0);
  readonly hovered = signal<number | undefined>(undefined);
  readonly focused = signal(false);
  /** The row that is to be brought into view. */
  readonly revealed = signal<{ row: number } | undefined>(undefined);
  /** The lowest pixel that is seen, unless that is the end. */
  readonly below = signal<number | undefined>(undefined);
  /** Which height of the window the next change of the axis leaves where it is. */
  anchor: number | undefined;
  /** Where a replay has come to; undefined: everything is shown. */
  readonly replay = signal<Position | undefined>(undefined);
  readonly playing = signal(false);
  readonly speed = signal<number>(0.1);

  readonly narrow = computed(() => this.size.value.width < 560);
  /** All that can be drawn, in order of time. */
  readonly drawable = computed(() => store.timeline.all.value.filter(isDrawn));
  readonly #events = computed<readonly Event[]>(() => {
    // A session that goes on ends a replay.
    const position = isGrowing.value ? undefined : this.replay.value;
    return position === undefined ? store.timeline.all.value : this.drawable.value.slice(0, position.shown);
  });
  readonly layout = computed<Layout>(() =>
    layout(this.#events.value, {
      mode: this.mode.value,
      zoom: this.zoom.value,
      viewport: this.size.value.height,
      row: ROW,
      folding: this.folding.value,
      labels: this.narrow.value ? 'under' : 'over',
    }),
  );
  /** The row of the event that is selected, here or in the timeline. */
  readonly selected = computed(() => {
    const sequence = store.timeline.open.value;
    return sequence === undefined ? undefined : rowOf(this.layout.value.rows, sequence);
  });

  /** The row whose message is shown: the one pointed at, else the one that has the keyboard, else the selected one. */
  readonly shown = computed(() => {
    const focused = this.focused.value ? this.active.value : undefined;
    return this.hovered.value ?? focused ?? this.selected.value;
  });

  /** Closer, or further away. */
  magnify(factor: number): void {
    this.setZoom(this.zoom.peek() * factor);
  }

  setZoom(zoom: number): void {
    const { rows } = this.layout.peek();
    const span = Math.max(1, (rows.at(-1)?.time ?? 0) - (rows[0]?.time ?? 0));
    const viewport = this.size.peek().height;
    this.zoom.value = limited(span, { mode: this.mode.peek(), zoom, viewport, row: ROW });
  }

  /** All of it in the window. */
  fit(): void {
    const part = (this.size.peek().height - 2 * MARGIN) / (this.layout.peek().height - 2 * MARGIN);
    this.setZoom(this.mode.peek() === 'linear' ? 1 : this.zoom.peek() * part);
  }

  setMode(mode: Mode): void {
    this.mode.value = mode;
    this.zoom.value = 1;
  }

  /** The arrow keys' way to a row; it is brought into view. */
  goTo(index: number | undefined): void {
    const { rows } = this.layout.peek();
    if (index === undefined || rows.length === 0) return;
    this.active.value = Math.max(0, Math.min(rows.length - 1, index));
    this.revealed.value = { row: this.active.peek() };
  }

  /** Shows where a phase begins; on the linear axis, all of it. */
  showPhase({ from, to }: Phase): void {
    const { rows } = this.layout.peek();
    const span = (rows.at(-1)?.time ?? 0) - (rows[0]?.time ?? 0);
    if (this.mode.peek() === 'linear') this.setZoom(span / Math.max(1, (to - from) * 1.2));
    this.table.value = false;
    this.goTo(rows.findIndex((row) => row.time >= from));
  }

  /** Chooses a row's first event, or none when it was chosen already. */
  toggle(index: number): void {
    const row = this.layout.peek().rows[index];
    if (row === undefined) return;
    this.active.value = index;
    store.timeline.open.value = this.selected.peek() === index ? undefined : row.events[0].sequence;
  }

  /** Another session is shown: what was chosen in the one before has no meaning in it. */
  reset(): void {
    this.replay.value = undefined;
    this.playing.value = false;
    this.active.value = 0;
    this.hovered.value = undefined;
    this.revealed.value = undefined;
    this.anchor = undefined;
    this.zoom.value = 1;
  }

  /** A replay goes on for so many milliseconds; at its end everything is shown again. */
  tick(elapsed: number): void {
    const position = this.replay.peek();
    if (position === undefined) return;
    const times = this.drawable.peek().map((event) => event.time);
    const next = advance(position, times, this.speed.peek(), elapsed);
    const over = next.shown >= times.length;
    this.replay.value = over ? undefined : next;
    if (over) this.playing.value = false;
  }
}

export const sequence = new SequenceView();
