import type { BrowserEvent } from '../generated/BrowserEvent';

/** An event before it has its number. */
export type Unnumbered = Omit<BrowserEvent, 'number'>;

/** Events held back while the daemon is away; an hour of statistics. */
export const CAPACITY = 4000;

/**
 * The browser's events on their way to the daemon: numbered from 1, kept until acknowledged, sent again after a break.
 * The daemon keeps one that comes twice only once, by its number.
 */
export class Outbox {
  readonly #capacity: number;
  #waiting: BrowserEvent[] = [];
  #next = 1;
  /** Number of the last event that was handed out since the connection came up. */
  #sent = 0;
  /** Events that were thrown away because too many waited. */
  dropped = 0;

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** Numbers an event and keeps it. */
  push(event: Unnumbered): BrowserEvent {
    const numbered = { ...event, number: this.#next };
    this.#next += 1;
    this.#waiting.push(numbered);
    if (this.#waiting.length > this.#capacity) this.#drop();
    return numbered;
  }

  /** The next events to send, about `bytes` of JSON and at least one; the same ones are not given again before `rewind`. */
  take(bytes: number): BrowserEvent[] {
    const batch: BrowserEvent[] = [];
    let size = 0;
    for (const event of this.#waiting) {
      if (event.number <= this.#sent) continue;
      size += JSON.stringify(event).length;
      if (batch.length > 0 && size > bytes) break;
      batch.push(event);
    }
    const last = batch.at(-1);
    if (last !== undefined) this.#sent = last.number;
    return batch;
  }

  /** The daemon keeps everything up to `number`. */
  acknowledge(number: number): void {
    this.#waiting = this.#waiting.filter((event) => event.number > number);
  }

  /** The connection broke: what is not acknowledged goes out again. */
  rewind(): void {
    this.#sent = 0;
  }

  /** Events that are not acknowledged. */
  get waiting(): readonly BrowserEvent[] {
    return this.#waiting;
  }

  /** Details go first, then the oldest. */
  #drop(): void {
    const detail = this.#waiting.findIndex((event) => event.level === 'debug');
    this.#waiting.splice(Math.max(0, detail), 1);
    this.dropped += 1;
  }
}
