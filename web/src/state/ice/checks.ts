import type { Event } from '../../generated/Event';
import { isTold, readEndpoint } from './address';
import { number, records, text } from './read';

/** What one end counted of a pair's checks. Absent: it does not say. */
export interface Counters {
  requestsSent: number;
  responsesReceived: number;
  requestsReceived: number;
  responsesSent: number;
}

/** A pair as the browser's getStats has it, by the identifiers of its candidates. */
export interface BrowserPair extends Counters {
  local: string;
  remote: string;
  state: string;
  nominated: boolean;
  /** Seconds. */
  roundTripTime: number | undefined;
}

/** A pair as the daemon's wiretap has it, by transport addresses. */
export interface DaemonPair extends Counters {
  local: string;
  remote: string;
  /** The daemon's TURN server that it goes through. */
  relay: string | undefined;
  protocol: string;
  /** A check of the other end that nominated it was seen. */
  nominated: boolean;
  /** Why the kernel did not take a check. */
  error: string | undefined;
}

/** What both ends have counted. */
export interface Checks {
  browser: BrowserPair[];
  daemon: DaemonPair[];
  /** The daemon's sockets by the addresses as which others told it that they see it (XOR-MAPPED-ADDRESS). */
  mapped: Map<string, string>;
  /** Addresses of the daemon's own sockets. */
  own: Set<string>;
}

const COUNTED = {
  'stun.binding.request': ['requestsReceived', 'requestsSent'],
  'stun.binding.success': ['responsesReceived', 'responsesSent'],
} as const;

/** Reads the checks that the events tell of. */
export function readChecks(events: readonly Event[]): Checks {
  const browser = new Map<string, BrowserPair>();
  const daemon = new Map<string, DaemonPair>();
  const mapped = new Map<string, string>();
  const own = new Set<string>();
  for (const event of events) {
    if (event.kind === 'stats') {
      for (const stat of records(event.attributes['candidate-pair'])) {
        browser.set(String(stat.id), browserPair(stat));
      }
    } else if (event.kind.startsWith('stun.') && event.seenBy === 'daemon') {
      countCheck(daemon, event);
    }
    const { mappedAddress, localAddress, direction, relay } = event.attributes;
    if (event.seenBy !== 'daemon' || event.evidence !== 'packet' || relay !== undefined) continue;
    const socket = readEndpoint(localAddress)?.address;
    if (isTold(socket)) own.add(socket);
    if (direction === 'inbound' && mappedAddress !== undefined) mapped.set(String(mappedAddress), String(localAddress));
  }
  return { browser: [...browser.values()], daemon: [...daemon.values()], mapped, own };
}

function browserPair(stat: Record<string, unknown>): BrowserPair {
  const count = (name: string) => number(stat, name) ?? 0;
  return {
    local: String(stat.localCandidateId),
    remote: String(stat.remoteCandidateId),
    state: text(stat, 'state') ?? '',
    nominated: stat.nominated === true,
    // With its consent checks (RFC 7675), which Chromium says once more by themselves.
    requestsSent: count('requestsSent'),
    responsesReceived: count('responsesReceived'),
    requestsReceived: count('requestsReceived'),
    responsesSent: count('responsesSent'),
    roundTripTime: number(stat, 'currentRoundTripTime'),
  };
}

/** Requests to STUN servers have another lane: a check is between the two ends. */
function countCheck(pairs: Map<string, DaemonPair>, { kind, from, to, attributes }: Event): void {
  const isCheck = (from === 'web' && to === 'peer') || (from === 'peer' && to === 'web');
  const local = text(attributes, 'localAddress');
  const remote = text(attributes, 'remoteAddress');
  if (!isCheck || local === undefined || remote === undefined) return;
  const key = `${local} ${remote}`;
  const pair = pairs.get(key) ?? {
    ...{ local, remote, relay: text(attributes, 'relay'), protocol: protocolOf(attributes) },
    ...{ requestsSent: 0, responsesReceived: 0, requestsReceived: 0, responsesSent: 0 },
    ...{ nominated: false, error: undefined },
  };
  pairs.set(key, pair);
  const counted = COUNTED[kind as keyof typeof COUNTED];
  if (counted !== undefined) pair[counted[from === 'peer' ? 1 : 0]] += 1;
  if (attributes.useCandidate === true) pair.nominated = true;
  if (kind === 'stun.not_sent') pair.error = text(attributes, 'error') ?? '';
}

/** Behind a relay is UDP (RFC 8656 §3.1), whatever carries it there. */
function protocolOf(attributes: Record<string, unknown>): string {
  return attributes.relay === undefined ? (text(attributes, 'protocol') ?? 'udp') : 'udp';
}
