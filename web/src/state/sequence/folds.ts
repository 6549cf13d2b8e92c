import type { Event } from '../../generated/Event';
import type { Evidence } from '../../generated/Evidence';
import type { Lane } from '../../generated/Lane';
import type { Level } from '../../generated/Level';
import type { SeenBy } from '../../generated/SeenBy';
import { durationOf, type Exchange, exchanges, type Outcome } from './exchanges';
import { factsOf } from './facts';

/** One arrow between two lanes, or one mark on a lane: an event, or several that say the same. */
export interface Item {
  kind: string;
  from: Lane;
  to: Lane;
  evidence: Evidence;
  seenBy: SeenBy;
  level: Level;
  /** All events in it, by time: never empty. */
  events: [Event, ...Event[]];
  /** When the first of them was, in microseconds. */
  time: number;
  /** Only of requests. */
  outcome: Outcome | undefined;
  /** Least and most time that they took, in microseconds. */
  took: { least: number; most: number } | undefined;
  /** Place in the list of the answer, or of the request that it answers. */
  partner: number | undefined;
}

/** Arrows and marks in order of time. `now` is the time up to which was observed. Without `folding` each event is one of its own. */
export function fold(events: readonly Event[], now: number, folding: boolean): Item[] {
  const exchangeOf = exchanges(events, now);
  const items: Item[] = [];
  const place = new Map<Event, number>();
  const folds = new Folds();
  for (const event of events) {
    const exchange = exchangeOf.get(event);
    const index = folding ? folds.place(event, exchange, items.length) : items.length;
    const item = items[index];
    if (item === undefined) items.push(single(event, exchange));
    else join(item, event, exchange);
    place.set(event, index);
  }
  for (const item of items) item.partner = partnerOf(item, exchangeOf, place);
  return items;
}

/** Which events go into one arrow. */
class Folds {
  /** By what they repeat, until something new happens. */
  readonly #open = new Map<string, { index: number; outcome: Outcome | undefined }>();
  /** By what they send again, whatever happens between: a transaction, or a place in the DTLS handshake. */
  readonly #sent = new Map<Exchange | string, number>();
  #handshake = 0;

  /** Where an event belongs: into an arrow that is there already, or into the next one. */
  place(event: Event, exchange: Exchange | undefined, next: number): number {
    const { key, flight, role, isNews, startsAnew } = factsOf(event);
    if (startsAnew) this.#handshake += 1;
    const inHandshake = flight === undefined ? undefined : `${this.#handshake} ${flight}`;
    const again = role === 'request' ? exchange : inHandshake;
    const outcome = role === 'request' ? settled(exchange) : undefined;
    const before = this.#open.get(key);
    // Where requests are no longer answered, or are again, another arrow begins.
    const repeated = before?.outcome === outcome ? before?.index : undefined;
    const index = (again === undefined ? undefined : this.#sent.get(again)) ?? repeated ?? next;
    if (index === next) {
      if (isNews) this.#open.clear();
      this.#open.set(key, { index, outcome });
    }
    if (again !== undefined) this.#sent.set(again, index);
    return index;
  }
}

/** A young request is taken for one of those that are answered, so that it does not leave its fold for a moment. */
function settled(exchange: Exchange | undefined): Outcome | undefined {
  return exchange?.outcome === 'waiting' ? 'answered' : exchange?.outcome;
}

function single(event: Event, exchange: Exchange | undefined): Item {
  const took = durationOf(event, exchange);
  return {
    kind: event.kind,
    from: event.from,
    to: event.to,
    evidence: event.evidence,
    seenBy: event.seenBy,
    level: event.level,
    events: [event],
    time: event.time,
    outcome: factsOf(event).role === 'request' ? exchange?.outcome : undefined,
    took: took === undefined ? undefined : { least: took, most: took },
    partner: undefined,
  };
}

function join(item: Item, event: Event, exchange: Exchange | undefined): void {
  item.events.push(event);
  if (RANK[event.level] > RANK[item.level]) item.level = event.level;
  if (item.outcome === 'waiting' && exchange !== undefined) item.outcome = exchange.outcome;
  const took = durationOf(event, exchange);
  if (took === undefined) return;
  const { least, most } = item.took ?? { least: took, most: took };
  item.took = { least: Math.min(least, took), most: Math.max(most, took) };
}

const RANK: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

function partnerOf(item: Item, of: Map<Event, Exchange>, place: Map<Event, number>): number | undefined {
  const [first] = item.events;
  const exchange = of.get(first);
  if (exchange === undefined) return undefined;
  const other = factsOf(first).role === 'request' ? exchange.answer : exchange.requests[0];
  return other === undefined ? undefined : place.get(other);
}
