/** How long one step of a set-up may hold the view back; with a direct path it is done by then. */
export const HOLD_MS = 400;

/**
 * Holds drawing back while a connection comes up: offer and answer pass through the thread that draws, and the first picture is
 * decoded on the cores that paint. What happens is recorded at once and with its time; only its picture waits.
 */
export class Hold {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #waiting = new Set<() => void>();

  /** Whether a set-up holds the view back. */
  get active(): boolean {
    return this.#timer !== undefined;
  }

  /** Begins, or begins anew: until `end`, at most for `HOLD_MS`. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), HOLD_MS);
  }

  /** What was held back happens now. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const what of waiting) what();
  }

  /** Calls `what` as soon as nothing is held back: now, or once at the end. */
  after(what: () => void): void {
    if (this.active) this.#waiting.add(what);
    else what();
  }
}

/** The page's own. */
export const hold = new Hold();
