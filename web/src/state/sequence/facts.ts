import type { Event } from '../../generated/Event';
import type { PhaseName } from './phases';

/** What a STUN or TURN message is in its transaction. */
export type Role = 'request' | 'success' | 'error';

/** What the picture wants to know of an event. */
export interface Facts {
  role: Role | undefined;
  /** Its transaction between two lanes, as one observer saw it: two observers saw two different stretches of its way. */
  transaction: string;
  /** What it repeats: events with the same key say the same. */
  key: string;
  /** Its place in the DTLS handshake (RFC 6347 §4.2.2), the same in each sending. */
  flight: string | undefined;
  /** Something other than the steady course: what follows is told anew, so that it stands where it happened. */
  isNews: boolean;
  /** A handshake ends, or a description begins another: their numbers begin anew. */
  startsAnew: boolean;
  phase: PhaseName | undefined;
}

/** The kinds that a connection repeats while nothing happens. */
const STEADY =
  /^(stun\.binding|turn\.(refresh|create_permission|channel_bind|send|data))\.|^media\.(bit_rate|key_frame_requested)$/;

/** Events never change, and a picture is laid out anew with each that comes. */
const known = new WeakMap<Event, Facts>();

/** The facts of an event, found once. */
export function factsOf(event: Event): Facts {
  let facts = known.get(event);
  if (facts === undefined) {
    facts = find(event);
    known.set(event, facts);
  }
  return facts;
}

function find(event: Event): Facts {
  const { kind, seenBy, from, to, level, attributes } = event;
  const role = roleOf(event);
  return {
    role,
    transaction: `${seenBy} ${role === 'request' ? `${from} ${to}` : `${to} ${from}`} ${attributes.transactionId}`,
    key: keyOf(event),
    flight: typeof attributes.messageSequence === 'number' ? keyOf(event) : undefined,
    isNews: !STEADY.test(kind) && level !== 'debug',
    startsAnew: kind === 'dtls.state' || kind.startsWith('signalling.offer') || kind === 'ice.restart',
    phase: phaseOf(event),
  };
}

function roleOf({ evidence, kind, attributes }: Event): Role | undefined {
  if (evidence !== 'packet' || typeof attributes.transactionId !== 'string') return undefined;
  const end = kind.slice(kind.lastIndexOf('.') + 1);
  return end === 'request' || end === 'success' || end === 'error' ? end : undefined;
}

function keyOf({ kind, from, to, seenBy, evidence, level, summary, attributes }: Event): string {
  const { localAddress = '', remoteAddress = '', relay = '' } = attributes;
  const where = `${kind} ${from} ${to} ${seenBy} ${evidence} ${localAddress} ${remoteAddress} ${relay}`;
  if (evidence === 'packet') {
    const { useCandidate, errorCode, messageSequence, fragmentOffset, peerAddress } = attributes;
    return `${where} ${useCandidate} ${errorCode} ${messageSequence} ${fragmentOffset} ${peerAddress}`;
  }
  // What the probes found belongs to no moment of the session: a session begins with all of it, and that is one row.
  if (kind === 'probe.report') return `${kind} ${from} ${to}`;
  // The bit rate's words change while they say the same.
  return kind === 'media.bit_rate' ? where : `${where} ${level} ${summary}`;
}

function phaseOf({ kind, from, to, attributes }: Event): PhaseName | undefined {
  if (kind.startsWith('dtls.')) return 'dtls';
  if (/^(rtp|rtcp)\.|^media\.first_/.test(kind)) return 'media';
  if (kind.startsWith('signalling.offer') || attributes.signalingState === 'have-local-offer') return 'offer';
  if (kind.startsWith('signalling.answer')) return 'answer';
  if (/^(turn\.(create_permission|channel_bind|send|data)\.|ice\.selected_pair)/.test(kind)) return 'checks';
  const withServer = from === 'stun' || to === 'stun' || from === 'turn' || to === 'turn';
  if (/^ice\.(gathering_state|candidate)/.test(kind) || (withServer && /^(stun|turn)\./.test(kind))) return 'gathering';
  return kind.startsWith('stun.binding.') ? 'checks' : undefined;
}
