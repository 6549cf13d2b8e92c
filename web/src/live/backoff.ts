/** Waits between attempts to reach the daemon again: doubling, with a ceiling, so that a restart is noticed soon and an outage costs little. */
export class Backoff {
  readonly #first: number;
  readonly #ceiling: number;
  #attempts = 0;

  /** Both in milliseconds. */
  constructor(first = 250, ceiling = 4000) {
    this.#first = first;
    this.#ceiling = ceiling;
  }

  /** Milliseconds to wait before the next attempt. `spread` (0 to 1) keeps many pages from coming back at the same instant. */
  next(spread: number): number {
    const wait = Math.min(this.#ceiling, this.#first * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.round(wait * (0.75 + spread / 4));
  }

  /** It went well. */
  reset(): void {
    this.#attempts = 0;
  }
}
