import type { Event } from '../../generated/Event';
import type { Item } from '../../state/sequence/folds';
import { texts } from '../../texts';
import { milliseconds, time } from '../format';

const words = texts.sequence;

/** An event in few words: the picture says already between whom it was. */
function short(event: Event): string {
  const { kind, summary, attributes } = event;
  const { method, mappedAddress, relayedAddress, errorCode, errorText, useCandidate } = attributes;
  if (event.evidence === 'packet' && typeof method === 'string') {
    const name = `${method} ${kind.slice(kind.lastIndexOf('.') + 1)}`;
    if (errorCode !== undefined) return `${name} ${errorCode} ${errorText ?? ''}`.trim();
    if (useCandidate === true) return `${name}, ${words.nominates}`;
    const withServer = event.from === 'stun' || event.from === 'turn';
    const told = relayedAddress ?? (withServer ? mappedAddress : undefined);
    return told === undefined ? name : `${name}: ${told}`;
  }
  if (kind.startsWith('dtls.') && event.evidence === 'packet') {
    return summary.replace(/^DTLS /, '').replace(/ (from|to) [\d.:[\]a-f]+( through the relay .*)?$/, '');
  }
  const candidate = /^candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/.exec(summary);
  if (candidate !== null) {
    const [, protocol, address, port, type] = candidate;
    return words.candidate(`${type}`, `${protocol} ${address}:${port}`);
  }
  return summary === '' ? kind : summary;
}

/** What an arrow says: what it is, how often, how long it took, and whether it was answered. */
export function label(item: Item): string {
  const parts = areDifferent(item) ? [words.reports(item.events.length)] : [short(item.events[0])];
  if (item.events.length > 1 && !areDifferent(item)) parts.push(words.times(item.events.length));
  const rest = [tookWords(item), outcomeWords(item)].filter((part) => part !== '');
  return [parts.join(' '), ...rest].join(' · ');
}

/** Whether its events do not say the same, as the probes' reports do not. */
export function areDifferent({ kind, events }: Item): boolean {
  return kind === 'probe.report' && events.length > 1;
}

/** A time that fits beside the picture: milliseconds, from a hundred seconds on seconds. `short` leaves digits out. */
export function moment(microseconds: number, short: boolean): string {
  if (microseconds >= 1e8) return `${time(microseconds / 1000).slice(0, short ? -2 : -1)} s`;
  return short ? time(microseconds).slice(0, -2) : time(microseconds);
}

/** How long something lasted: milliseconds, from ten seconds on seconds. */
export function span(microseconds: number): string {
  return microseconds < 1e7 ? milliseconds(microseconds / 1000) : `${time(microseconds / 1000).slice(0, -2)} s`;
}

/** How long it took, if that is known. */
export function tookWords({ took }: Item): string {
  return took === undefined ? '' : words.took(took.least, took.most);
}

/** What became of a request that has no good answer. */
export function outcomeWords({ outcome }: Item): string {
  if (outcome === 'unanswered') return words.noAnswer;
  return outcome === 'waiting' ? words.waiting : '';
}

/** The lanes of an arrow, or the one of a mark. */
export function lanesWords({ from, to }: Item): string {
  return from === to ? texts.lane[from] : `${texts.lane[from]} → ${texts.lane[to]}`;
}

/** All of it in one line, for who does not see the picture. */
export function spoken(item: Item): string {
  return words.name(time(item.time), lanesWords(item), label(item), texts.evidence[item.evidence]);
}
