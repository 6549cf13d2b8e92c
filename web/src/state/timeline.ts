import { computed, signal } from '@preact/signals';
import type { Event } from '../generated/Event';
import type { Evidence } from '../generated/Evidence';
import type { SeenBy } from '../generated/SeenBy';
import { isFigure } from './figures/kinds';
import { Hold } from './hold';

/** Events held in the page; the daemon keeps its own, larger record. */
export const CAPACITY = 10_000;
/** Never dropped here: the set-up, which is what a diagnosis is about. */
const PINNED = 1000;
/** The view follows when the page has nothing better to do, so that it does not stand in the way of the first frame; but within this. */
const SHOW_WITHIN_MS = 200;
/** From so many events on, finding what all views say of them takes longer than a frame: they are shown four times a second then. */
const MANY = 500;
const PAUSE_MS = 250;

/** Calls `what` in an idle moment; returns what takes the wish back. Safari knows no idle moments. */
function whenIdle(what: () => void): () => void {
  if ('requestIdleCallback' in globalThis) {
    const handle = requestIdleCallback(what, { timeout: SHOW_WITHIN_MS });
    return () => cancelIdleCallback(handle);
  }
  const timer = setTimeout(what, SHOW_WITHIN_MS);
  return () => clearTimeout(timer);
}

/** What is shown of the events. */
export interface Filter {
  text: string;
  evidence: Evidence | 'all';
  seenBy: SeenBy | 'all';
  /** Whether the statistics of every second are shown, too. */
  stats: boolean;
}

export const EVERYTHING: Filter = { text: '', evidence: 'all', seenBy: 'all', stats: false };

/** Puts events into their places by time, then by sequence; nearly always at the end. */
export function insert(ordered: Event[], fresh: readonly Event[]): void {
  for (const event of fresh) {
    let place = ordered.length;
    while (place > 0 && after(ordered[place - 1], event)) place -= 1;
    ordered.splice(place, 0, event);
  }
}

function after(a: Event | undefined, b: Event): boolean {
  return a !== undefined && (a.time > b.time || (a.time === b.time && a.sequence > b.sequence));
}

const searchable = new WeakMap<Event, string>();

/** All words of an event, in small letters: searching `0x2f1a…` finds a transaction by its id. */
function wordsOf(event: Event): string {
  let words = searchable.get(event);
  if (words === undefined) {
    const { kind, summary, from, to, seenBy, attributes } = event;
    words = `${kind} ${summary} ${from} ${to} ${seenBy} ${JSON.stringify(attributes)}`.toLowerCase();
    searchable.set(event, words);
  }
  return words;
}

/** Whether an event is shown. */
export function fits(event: Event, filter: Filter): boolean {
  if (!filter.stats && isFigure(event)) return false;
  if (filter.evidence !== 'all' && event.evidence !== filter.evidence) return false;
  if (filter.seenBy !== 'all' && event.seenBy !== filter.seenBy) return false;
  const text = filter.text.trim().toLowerCase();
  return text === '' || wordsOf(event).includes(text);
}

/** The events of the current session, and what is shown of them. */
export class Timeline {
  readonly filter = signal<Filter>(EVERYTHING);
  /** Sequence of the event whose details are open. */
  readonly open = signal<number | undefined>(undefined);
  /** Sequences of the events that show what a verdict says. */
  readonly cited = signal<ReadonlySet<number>>(new Set());
  readonly dropped = signal(0);
  readonly #shown = signal<readonly Event[]>([]);
  #ordered: Event[] = [];
  #forget: (() => void) | undefined;
  /** When the view last caught up, in milliseconds of `performance.now()`. */
  #shownAt = Number.NEGATIVE_INFINITY;
  readonly #hold: Hold;

  readonly all = computed(() => this.#shown.value);
  readonly visible = computed(() => {
    const filter = this.filter.value;
    return this.#shown.value.filter((event) => fits(event, filter));
  });
  readonly opened = computed(() => {
    const sequence = this.open.value;
    return sequence === undefined ? undefined : this.#shown.value.find((event) => event.sequence === sequence);
  });

  /** @param hold what holds the view back. */
  constructor(hold = new Hold()) {
    this.#hold = hold;
  }

  /** All events now, also those that the view has not caught up with. */
  get events(): readonly Event[] {
    return this.#ordered;
  }

  /** New events have come. */
  add(fresh: readonly Event[]): void {
    insert(this.#ordered, fresh);
    const surplus = this.#ordered.length - CAPACITY;
    if (surplus > 0) {
      this.#ordered.splice(PINNED, surplus);
      this.dropped.value += surplus;
    }
    this.#hold.after(this.#showSoon);
  }

  /** Shows these events, whatever the filter was, and opens the first. */
  cite(sequences: readonly number[]): void {
    const cited = new Set(sequences);
    const stats = this.#ordered.some((event) => isFigure(event) && cited.has(event.sequence));
    this.filter.value = { ...EVERYTHING, stats };
    this.cited.value = cited;
    this.open.value = sequences[0];
  }

  /** Another session begins. */
  clear(): void {
    this.#ordered = [];
    this.open.value = undefined;
    this.cited.value = new Set();
    this.dropped.value = 0;
    this.#show();
    this.#shownAt = Number.NEGATIVE_INFINITY;
  }

  /** The view catches up at once: all of a record is there. */
  showNow(): void {
    this.#show();
  }

  /** One function for all calls, so that it waits only once. */
  readonly #showSoon = () => {
    if (this.#forget !== undefined) return;
    const pause = this.#ordered.length < MANY ? 0 : this.#shownAt + PAUSE_MS - performance.now();
    if (pause <= 0) {
      this.#forget = whenIdle(() => this.#show());
      return;
    }
    const timer = setTimeout(() => {
      this.#forget = whenIdle(() => this.#show());
    }, pause);
    this.#forget = () => clearTimeout(timer);
  };

  #show(): void {
    this.#forget?.();
    this.#forget = undefined;
    this.#shownAt = performance.now();
    this.#shown.value = [...this.#ordered];
  }
}
