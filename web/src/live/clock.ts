/** One exchange of `ping` and `pong`. All four times are microseconds: two on the page's clock, two on the session's axis. */
export interface Exchange {
  /** When the page sent the ping (page). */
  sent: number;
  /** When the daemon received it (session's axis). */
  received: number;
  /** When the daemon answered (session's axis). */
  answered: number;
  /** When the answer arrived (page). */
  arrived: number;
}

/** Daemon time on the session's axis = page time + `offset`, give or take `uncertainty`. Microseconds. */
export interface ClockEstimate {
  offset: number;
  uncertainty: number;
}

interface Sample extends ClockEstimate {
  /** Page time of the exchange, in microseconds. */
  at: number;
}

/** How fast two good clocks may run apart, in parts per million: PHI of RFC 5905 §7.2. */
const DRIFT_PPM = 15;

/** Exchanges remembered; with three every ten seconds, some two minutes. */
const KEEP = 40;

/** What one exchange says (RFC 5905 §8), or nothing if its times contradict each other. */
export function fromExchange(exchange: Exchange, granularity: number): ClockEstimate | undefined {
  const { sent, received, answered, arrived } = exchange;
  const roundTrip = arrived - sent - (answered - received);
  if (answered < received || arrived < sent || roundTrip < -2 * granularity) return undefined;
  return {
    offset: Math.round((received - sent + (answered - arrived)) / 2),
    // The asymmetry of the way is at most half of the round trip; each reading of the page's clock is rounded down to its granularity.
    uncertainty: Math.ceil(Math.max(0, roundTrip) / 2 + granularity),
  };
}

/** Keeps the exchanges of one session and tells the best estimate: least round trip, with an older one's drift counted against it. */
export class ClockEstimator {
  readonly #granularity: number;
  #samples: Sample[] = [];

  /** @param granularity of the page's clock in microseconds. */
  constructor(granularity: number) {
    this.#granularity = granularity;
  }

  /** Takes one exchange in and returns the estimate as of its arrival. */
  add(exchange: Exchange): ClockEstimate | undefined {
    const fresh = fromExchange(exchange, this.#granularity);
    if (fresh !== undefined) {
      const sample = { ...fresh, at: exchange.arrived };
      // Ranges that do not meet: a clock was stepped or slept. What came before is about another clock.
      this.#samples = this.#samples.filter((old) => meet(aged(old, sample.at), sample));
      this.#samples.push(sample);
      if (this.#samples.length > KEEP) this.#samples.shift();
    }
    return this.estimate(exchange.arrived);
  }

  /** The best estimate at a page time in microseconds; nothing before the first exchange. */
  estimate(now: number): ClockEstimate | undefined {
    let best: ClockEstimate | undefined;
    for (const sample of this.#samples) {
      const candidate = aged(sample, now);
      if (best === undefined || candidate.uncertainty <= best.uncertainty) best = candidate;
    }
    return best;
  }
}

function aged(sample: Sample, now: number): ClockEstimate {
  const drift = Math.ceil((Math.max(0, now - sample.at) * DRIFT_PPM) / 1_000_000);
  return { offset: sample.offset, uncertainty: sample.uncertainty + drift };
}

function meet(a: ClockEstimate, b: ClockEstimate): boolean {
  return Math.abs(a.offset - b.offset) <= a.uncertainty + b.uncertainty;
}

/**
 * The step of a clock that is read by `read` (milliseconds), in microseconds: browsers coarsen `performance.now()` to between 5 µs and 1 ms
 * and more. Reads it until it has moved three times, at most for `patience` readings.
 */
export function granularity(read: () => number, patience = 200_000): number {
  let least = Number.POSITIVE_INFINITY;
  let last = read();
  for (let reading = 0, moves = 0; reading < patience && moves < 3; reading += 1) {
    const now = read();
    if (now > last) {
      least = Math.min(least, now - last);
      last = now;
      moves += 1;
    }
  }
  return Number.isFinite(least) ? Math.max(1, Math.round(least * 1000)) : 1000;
}
