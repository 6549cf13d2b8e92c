import type { Event } from '../../generated/Event';

/** What became of a request, as far as it was observed. */
export type Outcome = 'answered' | 'refused' | 'unanswered' | 'waiting';

/** One transaction: its request with all its retransmissions, and its answer. */
export interface Exchange {
  requests: Event[];
  answer: Event | undefined;
  outcome: Outcome;
}

/** The first retransmission is due after this (RFC 8489 §6.2.1): before, a request without an answer is only young. */
export const PATIENCE_US = 500_000;

/** Which exchange each STUN and TURN message belongs to, by its transaction id. `now` is the time up to which was observed. */
export function exchanges(events: readonly Event[], now: number): Map<Event, Exchange> {
  const latest = new Map<string, Exchange>();
  const of = new Map<Event, Exchange>();
  for (const event of events) {
    const role = roleOf(event);
    if (role === undefined) continue;
    // Two observers of one transaction saw two different stretches of its way.
    const key = `${event.seenBy} ${String(event.attributes.transactionId)}`;
    const open = latest.get(key);
    if (role === 'request') {
      // A TURN client may keep the id when it asks again with its credentials: then the request before was answered.
      if (open !== undefined && open.answer === undefined) {
        open.requests.push(event);
        of.set(event, open);
      } else {
        const fresh: Exchange = { requests: [event], answer: undefined, outcome: 'waiting' };
        latest.set(key, fresh);
        of.set(event, fresh);
      }
    } else if (open !== undefined) {
      open.answer ??= event;
      if (open.outcome === 'waiting') open.outcome = role === 'error' ? 'refused' : 'answered';
      of.set(event, open);
    }
  }
  for (const exchange of latest.values()) settle(exchange, now);
  return of;
}

function settle(exchange: Exchange, now: number): void {
  const first = exchange.requests[0];
  if (exchange.outcome !== 'waiting' || first === undefined) return;
  if (exchange.requests.length > 1 || now - first.time > PATIENCE_US) exchange.outcome = 'unanswered';
}

function roleOf(event: Event): 'request' | 'success' | 'error' | undefined {
  if (event.evidence !== 'packet' || typeof event.attributes.transactionId !== 'string') return undefined;
  const end = event.kind.slice(event.kind.lastIndexOf('.') + 1);
  return end === 'request' || end === 'success' || end === 'error' ? end : undefined;
}

/** How long something took, in microseconds: by the observer's own measure where it told one, else from the last sending to the answer. */
export function durationOf(event: Event, exchange: Exchange | undefined): number | undefined {
  const { roundTripTime, durationUs, connectTime } = event.attributes;
  for (const seconds of [roundTripTime, connectTime]) if (typeof seconds === 'number') return seconds * 1e6;
  if (typeof durationUs === 'number') return durationUs;
  if (exchange === undefined || exchange.requests.includes(event)) return undefined;
  const asked = exchange.requests.findLast((request) => request.time <= event.time);
  return asked === undefined ? undefined : event.time - asked.time;
}
