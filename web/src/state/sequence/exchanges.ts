import type { Event } from '../../generated/Event';
import { factsOf } from './facts';

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
    const { role, transaction } = factsOf(event);
    if (role === undefined) continue;
    let exchange = latest.get(transaction);
    if (role === 'request') {
      // A TURN client may keep the id when it asks again with its credentials: then the request before was answered.
      if (exchange === undefined || exchange.answer !== undefined) {
        exchange = { requests: [], answer: undefined, outcome: 'waiting' };
        latest.set(transaction, exchange);
      }
      exchange.requests.push(event);
    } else if (exchange !== undefined && exchange.answer === undefined) {
      exchange.answer = event;
      exchange.outcome = role === 'error' ? 'refused' : 'answered';
    }
    if (exchange !== undefined) of.set(event, exchange);
  }
  for (const exchange of latest.values()) settle(exchange, now);
  return of;
}

function settle(exchange: Exchange, now: number): void {
  const first = exchange.requests[0];
  if (exchange.outcome !== 'waiting' || first === undefined) return;
  if (exchange.requests.length > 1 || now - first.time > PATIENCE_US) exchange.outcome = 'unanswered';
}

/** How long something took, in microseconds: by the observer's own measure where it told one, else from the last sending to the answer. */
export function durationOf(event: Event, exchange: Exchange | undefined): number | undefined {
  const { roundTripTime, durationUs, connectTime } = event.attributes;
  if (typeof roundTripTime === 'number') return roundTripTime * 1e6;
  if (typeof connectTime === 'number') return connectTime * 1e6;
  if (typeof durationUs === 'number') return durationUs;
  if (exchange === undefined || factsOf(event).role === 'request') return undefined;
  const asked = exchange.requests.findLast((request) => request.time <= event.time);
  return asked === undefined ? undefined : event.time - asked.time;
}
