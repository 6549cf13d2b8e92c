import type { Event } from '../../generated/Event';
import { type Candidate, endpoint, parseCandidate } from '../../rtc/candidate';
import { isMdns, isTold } from './address';
import { number, records, text } from './read';

export type End = 'browser' | 'daemon';

/** A candidate of one end, and what both ends have told of it. */
export interface IceCandidate {
  /** `b0`, `d3`: in order of arrival. */
  id: string;
  end: End;
  candidateType: string;
  protocol: string;
  tcpType: string | undefined;
  /** An address, a name of mDNS, or nothing where the browser hides it. */
  address: string;
  port: number;
  priority: number | undefined;
  url: string | undefined;
  relayProtocol: string | undefined;
  relatedAddress: string | undefined;
  relatedPort: number | undefined;
  usernameFragment: string | undefined;
  /** What kind of network its interface is on, where the browser says. */
  networkType: string | undefined;
  /** The daemon's interface that its address is on. */
  interface: string | undefined;
  /** When its own end told of it, and when the other end had it: microseconds on the session's axis. */
  gathered: number | undefined;
  arrived: number | undefined;
  /** Its address is kept from the page: a name of mDNS, or nothing at all. */
  isHidden: boolean;
  /** Transport addresses from which the other end had its checks, where they are not its own. */
  seenAs: string[];
  /** Why the other end does not use it. */
  leftOut: string | undefined;
  /** Of a generation before an ICE restart. */
  isPast: boolean;
}

/** What one source tells of a candidate. */
type Told = {
  [name in Exclude<keyof IceCandidate, 'id' | 'end' | 'seenAs' | 'isPast' | 'isHidden'>]?:
    | IceCandidate[name]
    | undefined;
} & {
  /** The name that getStats has for it. */
  stat?: string;
};

/** The candidates of both ends, with the names that getStats has for them. */
export class Candidates {
  readonly browser: IceCandidate[] = [];
  readonly daemon: IceCandidate[] = [];
  /** By the identifiers of getStats. */
  readonly byStat = new Map<string, IceCandidate>();
  /** The fragment of the newest generation of each end. */
  readonly #newest: { [end in End]?: string } = {};

  /** Adds what is told, or puts it to what is known of the same candidate. */
  tell(end: End, told: Told): IceCandidate {
    const known = this[end].find((candidate) => isSame(candidate, told));
    const candidate = known ?? this.#add(end);
    for (const [name, value] of Object.entries(told)) {
      if (name === 'stat' || value === undefined || value === '') continue;
      // The first time is when it came; all else is known better later, but for an address that a name stands for.
      const keep = ['gathered', 'arrived', 'address', 'candidateType'].includes(name);
      const facts = candidate as unknown as Record<string, unknown>;
      if (!keep || facts[name] === undefined || facts[name] === '') facts[name] = value;
    }
    candidate.isHidden = candidate.address === '' || isMdns(candidate.address);
    if (told.stat !== undefined) this.byStat.set(told.stat, candidate);
    if (told.usernameFragment !== undefined) this.#newest[end] = told.usernameFragment;
    return candidate;
  }

  /** An ICE restart makes new candidates under a new fragment (RFC 8445 §9): those of others are of the past. */
  markPast(): void {
    for (const candidate of [...this.browser, ...this.daemon]) {
      const { usernameFragment, end } = candidate;
      candidate.isPast = usernameFragment !== undefined && usernameFragment !== this.#newest[end];
    }
  }

  #add(end: End): IceCandidate {
    const candidate: IceCandidate = {
      ...{ id: `${end[0]}${this[end].length}`, end, candidateType: '', protocol: '', tcpType: undefined, address: '' },
      ...{ port: 0, priority: undefined, url: undefined, relayProtocol: undefined, relatedAddress: undefined },
      ...{
        relatedPort: undefined,
        usernameFragment: undefined,
        networkType: undefined,
        interface: undefined,
        gathered: undefined,
      },
      ...{ arrived: undefined, isHidden: false, seenAs: [], leftOut: undefined, isPast: false },
    };
    this[end].push(candidate);
    return candidate;
  }
}

/** Hidden addresses are compared by what is left: a port and a priority are one candidate's. */
function isSame(candidate: IceCandidate, told: Told): boolean {
  if (candidate.candidateType !== told.candidateType || candidate.protocol !== told.protocol) return false;
  if (candidate.port !== told.port || candidate.tcpType !== told.tcpType) return false;
  const address = told.address ?? '';
  if (candidate.address === address && address !== '') return true;
  const hidden = (one: string) => one === '' || isMdns(one);
  return (
    hidden(candidate.address) && (address === '' || candidate.address === '') && candidate.priority === told.priority
  );
}

/** All candidates that the events tell of. */
export function readCandidates(events: readonly Event[]): Candidates {
  const all = new Candidates();
  for (const event of events) readEvent(all, event);
  all.markPast();
  return all;
}

function readEvent(all: Candidates, { kind, seenBy, from, time, attributes }: Event): void {
  if (kind === 'ice.candidate' && text(attributes, 'candidateType') !== undefined) {
    all.tell(seenBy === 'browser' ? 'browser' : 'daemon', { ...ofAttributes(attributes), gathered: time });
  } else if (kind === 'ice.remote_candidate') {
    all.tell('browser', { ...ofAttributes(attributes), arrived: time });
  } else if (kind === 'signalling.candidate' && from === 'signalling') {
    tellLine(all, text(attributes, 'candidate'), text(attributes, 'usernameFragment'), time);
  } else if (kind === 'pc.add_ice_candidate') {
    // A dump of a browser's own tells of the other end's candidates only where the page handed them over.
    tellLine(all, text(attributes, 'candidate'), text(attributes, 'usernameFragment'), time);
  } else if (kind === 'signalling.answer.received' || kind === 'pc.set_remote_description') {
    const sdp = text(attributes, 'sdp') ?? '';
    const fragment = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];
    for (const [line] of sdp.matchAll(/^a=candidate:.*$/gm)) tellLine(all, line, fragment, time);
  } else if (kind === 'stats') {
    for (const stat of records(attributes['local-candidate'])) tellStat(all, 'browser', stat);
    for (const stat of records(attributes['remote-candidate'])) tellStat(all, 'daemon', stat);
  }
}

/** A line of the daemon's, on its way to the browser. */
function tellLine(all: Candidates, line: string | undefined, fragment: string | undefined, time: number): void {
  const read = line === undefined ? undefined : parseCandidate(line);
  if (read === undefined) return;
  all.tell('daemon', { ...ofCandidate(read), usernameFragment: fragment ?? read.usernameFragment, arrived: time });
}

function tellStat(all: Candidates, end: End, stat: Record<string, unknown>): void {
  const { relatedAddress, relatedPort, ...told } = ofAttributes(stat);
  const networkType = text(stat, 'networkType');
  all.tell(end, {
    ...told,
    ...(isTold(relatedAddress) ? { relatedAddress, relatedPort } : {}),
    address: text(stat, 'address') ?? text(stat, 'ip') ?? '',
    networkType: networkType === 'unknown' ? undefined : networkType,
    stat: String(stat.id),
  });
}

function ofAttributes(facts: Record<string, unknown>): Told {
  const line = text(facts, 'candidate');
  const read = line === undefined ? undefined : parseCandidate(line);
  return {
    ...(read && ofCandidate(read)),
    candidateType: text(facts, 'candidateType'),
    protocol: text(facts, 'protocol'),
    tcpType: text(facts, 'tcpType'),
    address: text(facts, 'address') ?? '',
    port: number(facts, 'port') ?? 0,
    priority: number(facts, 'priority'),
    url: text(facts, 'url'),
    relayProtocol: text(facts, 'relayProtocol'),
    relatedAddress: text(facts, 'relatedAddress') ?? read?.relatedAddress,
    relatedPort: number(facts, 'relatedPort') ?? read?.relatedPort,
    usernameFragment: text(facts, 'usernameFragment') ?? read?.usernameFragment,
    leftOut: text(facts, 'leftOut'),
    interface: text(facts, 'interface'),
  };
}

function ofCandidate({ foundation: _, component: __, ...candidate }: Candidate): Told {
  return candidate;
}

/** Its transport address as it was told; empty where it is hidden altogether. */
export function placeOf(candidate: IceCandidate): string {
  return endpoint(candidate);
}
