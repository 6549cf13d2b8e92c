import type { Event } from '../../generated/Event';
import type { Evidence } from '../../generated/Evidence';
import type { Lane } from '../../generated/Lane';
import type { Level } from '../../generated/Level';
import type { SeenBy } from '../../generated/SeenBy';
import { durationOf, type Exchange, exchanges, type Outcome } from './exchanges';

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

/** The kinds that a connection repeats while nothing happens. */
const STEADY =
  /^(stun\.binding|turn\.(refresh|create_permission|channel_bind|send|data))\.|^media\.(bit_rate|key_frame_requested)$/;
/** Steady ones whose words change while they say the same. */
const CHANGING_WORDS = /^media\.bit_rate$/;

/** Arrows and marks in order of time. Without `fold` each event is one of its own. */
export function fold(events: readonly Event[], now: number, folding: boolean): Item[] {
  const exchangeOf = exchanges(events, now);
  const items: Item[] = [];
  const place = new Map<Event, number>();
  /** By what they repeat, until something new happens. */
  const open = new Map<string, { index: number; outcome: Outcome | undefined }>();
  /** By what they send again, whatever happens between. */
  const again = new Map<unknown, number>();
  let handshake = 0;

  for (const event of events) {
    const exchange = exchangeOf.get(event);
    if (startsAnew(event)) handshake += 1;
    const what = identity(event, exchange, handshake);
    const key = keyOf(event);
    const outcome = settled(event, exchange);
    const before = open.get(key);
    // Where requests are no longer answered, or are again, another arrow begins.
    const repeated = before?.outcome === outcome ? before?.index : undefined;
    const found = folding ? (again.get(what) ?? repeated) : undefined;
    const item = found === undefined ? undefined : items[found];
    const index = found ?? items.length;
    if (item !== undefined) join(item, event, exchange);
    else {
      if (isNews(event)) open.clear();
      open.set(key, { index, outcome });
      items.push(single(event, exchange));
    }
    if (what !== undefined) again.set(what, index);
    place.set(event, index);
  }
  for (const item of items) item.partner = partnerOf(item, exchangeOf, place);
  return items;
}

/** What is the same in each sending: the transaction, or the place in the DTLS handshake (RFC 6347 §4.2.2). */
function identity(event: Event, exchange: Exchange | undefined, handshake: number): unknown {
  if (exchange !== undefined) return exchange.requests.includes(event) ? exchange : undefined;
  const { messageSequence, fragmentOffset } = event.attributes;
  if (typeof messageSequence !== 'number') return undefined;
  return `${handshake} ${event.seenBy} ${event.kind} ${event.from} ${messageSequence} ${String(fragmentOffset)} ${pathOf(event)}`;
}

/** A handshake ends, or a new description begins another: their numbers begin anew. */
function startsAnew(event: Event): boolean {
  return event.kind === 'dtls.state' || event.kind.startsWith('signalling.offer') || event.kind === 'ice.restart';
}

/** Something other than the steady course: what follows is told anew, so that it stands where it happened. */
function isNews(event: Event): boolean {
  return !STEADY.test(event.kind) && event.level !== 'debug';
}

function keyOf(event: Event): string {
  const { kind, from, to, seenBy, evidence, attributes } = event;
  const where = `${kind} ${from} ${to} ${seenBy} ${evidence} ${pathOf(event)}`;
  if (evidence === 'packet') {
    const { useCandidate, errorCode, messageSequence, fragmentOffset, peerAddress } = attributes;
    return JSON.stringify([where, useCandidate, errorCode, messageSequence, fragmentOffset, peerAddress]);
  }
  return CHANGING_WORDS.test(kind) ? where : `${where} ${event.level} ${event.summary}`;
}

/** Of a request. A young one is taken for one of those that are answered, so that it does not leave its fold for a moment. */
function settled(event: Event, exchange: Exchange | undefined): Outcome | undefined {
  if (exchange === undefined || !exchange.requests.includes(event)) return undefined;
  return exchange.outcome === 'waiting' ? 'answered' : exchange.outcome;
}

function pathOf({ attributes }: Event): string {
  return [attributes.localAddress, attributes.remoteAddress, attributes.relay].map((part) => part ?? '').join(' ');
}

function single(event: Event, exchange: Exchange | undefined): Item {
  const { kind, from, to, evidence, seenBy, level, time } = event;
  const took = durationOf(event, exchange);
  return {
    ...{ kind, from, to, evidence, seenBy, level, time, partner: undefined },
    events: [event],
    outcome: exchange?.requests.includes(event) ? exchange.outcome : undefined,
    took: took === undefined ? undefined : { least: took, most: took },
  };
}

function join(item: Item, event: Event, exchange: Exchange | undefined): void {
  item.events.push(event);
  if (rank(event.level) > rank(item.level)) item.level = event.level;
  if (item.outcome === 'waiting' && exchange !== undefined) item.outcome = exchange.outcome;
  const took = durationOf(event, exchange);
  if (took === undefined) return;
  const { least, most } = item.took ?? { least: took, most: took };
  item.took = { least: Math.min(least, took), most: Math.max(most, took) };
}

function rank(level: Level): number {
  return { debug: 0, info: 1, warn: 2, error: 3 }[level];
}

function partnerOf(item: Item, of: Map<Event, Exchange>, place: Map<Event, number>): number | undefined {
  const [first] = item.events;
  const exchange = of.get(first);
  if (exchange === undefined) return undefined;
  const other = exchange.requests.includes(first) ? exchange.answer : exchange.requests[0];
  return other === undefined ? undefined : place.get(other);
}
