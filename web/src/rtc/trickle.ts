import type { Patched } from './resource';
import { type Place, writeFragment } from './sdpfrag';

/** Candidates that arise within this time go in one PATCH: gathering yields several in one turn, and each request costs a round trip. */
const BUNDLE_MS = 10;

/** What the trickler needs from outside. */
export interface TrickleOptions {
  patch: (fragment: string) => Promise<Patched>;
  /** A fragment was sent; `end` if it said that no more will come. */
  onSent: (candidates: string[], end: boolean, patched: Patched) => void;
  onError: (error: unknown) => void;
}

/** Sends the browser's candidates to the daemon: bundled, one request at a time, and not before the resource is known. */
export class Trickle {
  readonly #options: TrickleOptions;
  #place: Place | undefined;
  #inOffer = new Set<string>();
  #queue: string[] = [];
  #end = false;
  #ended = false;
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(options: TrickleOptions) {
    this.#options = options;
  }

  /** A candidate was gathered; an empty one says that no more will come. */
  add(candidate: string): void {
    if (candidate === '') this.#end = true;
    else this.#queue.push(candidate);
    this.#soon();
  }

  /** The offer was answered: fragments can be sent. `inOffer` went with the offer and need not be said again. */
  ready(place: Place, inOffer: string[]): void {
    this.#place = place;
    this.#inOffer = new Set(inOffer);
    void this.#send();
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #soon(): void {
    if (this.#timer !== undefined || this.#place === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, BUNDLE_MS);
  }

  async #send(): Promise<void> {
    const place = this.#place;
    if (place === undefined || this.#busy || this.#stopped) return;
    const candidates = this.#queue.filter((candidate) => !this.#inOffer.has(candidate));
    const end = this.#end && !this.#ended;
    this.#queue = [];
    if (candidates.length === 0 && !end) return;
    this.#ended ||= end;
    this.#busy = true;
    try {
      const patched = await this.#options.patch(writeFragment({ ...place, candidates, end }));
      if (!this.#stopped) this.#options.onSent(candidates, end, patched);
    } catch (error) {
      if (!this.#stopped) this.#options.onError(error);
    } finally {
      this.#busy = false;
    }
    if (this.#queue.length > 0 || (this.#end && !this.#ended)) this.#soon();
  }
}
