import type { Candidate } from './candidate';

/** How a NAT gives public addresses to one socket (RFC 4787 §4.1), as far as it can be told from here. */
export type Mapping = 'EIM' | 'ADM' | 'APDM' | 'ADM or APDM' | 'unknown';
export type Family = 'ipv4' | 'ipv6';

/** A `stun:` URL, taken apart. */
export interface StunServer {
  url: string;
  host: string;
  port: number;
}

/** A server that gave no candidate, in the words of `icecandidateerror`. */
export interface ServerError {
  url: string;
  errorCode: number;
  errorText?: string;
  /** The socket's own address, with its last part hidden; nothing where the browser hides it whole. */
  address?: string | null;
}

/** What one connection, which never got an answer, told while it gathered with several STUN servers. */
export interface Gathered {
  /** The servers that it was given. */
  servers: readonly StunServer[];
  candidates: readonly Candidate[];
  errors: readonly ServerError[];
  /** Gathering ended by itself: each server has answered or is among the errors. */
  complete: boolean;
}

/** Where a server saw the socket. */
export interface Seen {
  /** The server; a browser that does not say which (Firefox) leaves it out. */
  url?: string;
  address: string;
  port: number;
}

/** What is concluded for one address family. */
export interface MappingFound {
  mapping: Mapping;
  /** `likely` where the servers are known by names, which may mean one address; nothing where nothing is known. */
  certainty?: 'proven' | 'likely';
  /** Nothing where no server saw anything. */
  family?: Family;
  addresses: Seen[];
  reason: Reason;
}

/** Why it is what it is; `texts.mapping` has the words. */
export type Reason =
  | 'too-few-servers'
  | 'nothing-seen'
  | 'several-sockets'
  | 'not-finished'
  | 'one-answer'
  | 'one-server-address'
  | 'same-address'
  | 'no-translation'
  | 'differs-by-server'
  | 'differs-by-address'
  | 'differs-by-port';

/** How many servers are asked: two tell independent from dependent, a second port of one address tells by what it depends. */
const MOST = 4;
/** RFC 7064 §3.1. */
const DEFAULT_PORT = 3478;

/**
 * The servers to ask: those of the session by UDP, each once, with different hosts first. A TURN server answers Binding requests, too
 * (RFC 8656 §3). Only UDP is of interest: a mapping of TCP is another thing.
 */
export function stunServers(urls: readonly string[]): StunServer[] {
  const all = new Map<string, StunServer>();
  for (const url of urls) {
    const server = stunServer(url);
    if (server !== undefined) all.set(server.url, server);
  }
  const list = [...all.values()];
  const first = list.filter((server, index) => list.findIndex((other) => other.host === server.host) === index);
  return [...first, ...list.filter((server) => !first.includes(server))].slice(0, MOST);
}

/** Reads `stun:host:port` and `turn:host:port?transport=udp` (RFC 7064, RFC 7065). */
export function stunServer(url: string): StunServer | undefined {
  const match = /^(?:stun|turn):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(\?transport=(\w+))?$/i.exec(url);
  if (match === null || (match[4] ?? 'udp').toLowerCase() !== 'udp') return undefined;
  const host = (match[1] ?? '').toLowerCase();
  const port = Number(match[2] ?? DEFAULT_PORT);
  return { url: `stun:${host}:${port}`, host, port };
}

/** Judges what was gathered: one finding for each family that a server saw, or one that says why there is none. */
export function judge(gathered: Gathered): MappingFound[] {
  if (gathered.servers.length < 2) return [nothing('too-few-servers')];
  const udp = gathered.candidates.filter((candidate) => candidate.protocol === 'udp' && candidate.component === 1);
  const reflexive = udp.filter((candidate) => candidate.candidateType === 'srflx');
  const found = (['ipv4', 'ipv6'] as const)
    .map((family) => ({ family, candidates: reflexive.filter((candidate) => familyOf(candidate.address) === family) }))
    .filter(({ candidates }) => candidates.length > 0)
    .map(({ family, candidates }) => judgeFamily(family, candidates, gathered));
  return found.length > 0 ? found : [unseen(udp, gathered)];
}

/** Whether waiting longer can still change what `judge` says. */
export function settled(gathered: Gathered): boolean {
  // With one address a server, by what a dependent mapping depends will never be known.
  const hosts = new Set(gathered.servers.map((server) => server.host)).size;
  const last = hosts === gathered.servers.length ? 'differs-by-server' : 'differs-by-port';
  return gathered.complete || judge(gathered).every((one) => one.reason === last || one.reason === 'differs-by-port');
}

function judgeFamily(family: Family, candidates: readonly Candidate[], gathered: Gathered): MappingFound {
  const sockets = bySocket(candidates);
  const addresses = allSeen(candidates);
  // One socket that was seen at two addresses is enough; else the first one speaks.
  const socket = sockets.find((one) => different(one) > 1) ?? sockets[0] ?? [];
  if (different(socket) > 1) return { family, addresses: allSeen(socket), ...dependent(socket, gathered) };
  if (sockets.length > 1) return { mapping: 'unknown', family, addresses, reason: 'several-sockets' };
  return { family, addresses, ...same(family, gathered) };
}

type Conclusion = Pick<MappingFound, 'mapping' | 'reason' | 'certainty'>;

/** One socket, several public addresses: by what does the address change? */
function dependent(socket: readonly Candidate[], { servers, errors, complete }: Gathered): Conclusion {
  const by = new Map(socket.map((candidate) => [stunServer(candidate.url ?? '')?.url, endpointOf(candidate)]));
  const told = servers.filter((server) => by.has(server.url));
  const certainty = servers.every(isLiteral) ? 'proven' : 'likely';
  // Two ports of one host: the address changed by the port alone.
  const byPort = told.some((one) =>
    told.some((other) => one.host === other.host && by.get(one.url) !== by.get(other.url)),
  );
  // Firefox does not name the servers, but as many addresses as servers, or as hosts, say the same.
  const hosts = new Set(servers.map((server) => server.host)).size;
  const count = told.length === 0 && hosts < servers.length ? different(socket) : 0;
  if (byPort || hosts === 1 || count === servers.length)
    return { mapping: 'APDM', certainty, reason: 'differs-by-port' };
  // A second port of a host answered and told no other address: browsers leave out what they have already (RFC 8445 §5.1.3).
  const silent = servers.some(
    (server) =>
      complete &&
      !by.has(server.url) &&
      told.some((other) => other.host === server.host) &&
      !errors.some((error) => stunServer(error.url)?.url === server.url),
  );
  const byHost = complete && errors.length === 0 && count === hosts;
  if (silent || byHost) return { mapping: 'ADM', certainty, reason: 'differs-by-address' };
  return { mapping: 'ADM or APDM', certainty: 'proven', reason: 'differs-by-server' };
}

/** One socket, one public address: did two servers see it? */
function same(family: Family, gathered: Gathered): Conclusion {
  const answered = answeredFor(family, gathered);
  if (!gathered.complete) return { mapping: 'unknown', reason: 'not-finished' };
  if (answered.length < 2) return { mapping: 'unknown', reason: 'one-answer' };
  if (new Set(answered.map((server) => server.host)).size < 2)
    return { mapping: 'unknown', reason: 'one-server-address' };
  // Two literal addresses are two; what two names mean is known to the browser only.
  const literal = new Set(answered.filter(isLiteral).map((server) => server.host)).size > 1;
  return { mapping: 'EIM', certainty: literal ? 'proven' : 'likely', reason: 'same-address' };
}

/** No server-reflexive candidate at all. A host that has a public address itself has none that would differ from its own. */
function unseen(udp: readonly Candidate[], gathered: Gathered): MappingFound {
  const own = udp.filter(
    (candidate) => candidate.candidateType === 'host' && familyOf(candidate.address) !== undefined,
  );
  const family = familyOf(own[0]?.address ?? '');
  const answered = answeredFor(family ?? 'ipv4', gathered).filter(
    (server) => isLiteral(server) && familyOf(server.host) === family,
  );
  const hosts = new Set(answered.map((server) => server.host)).size;
  if (family === undefined || own.length > 1 || !gathered.complete || hosts < 2) return nothing('nothing-seen');
  return { mapping: 'EIM', certainty: 'likely', family, addresses: own.map(seen), reason: 'no-translation' };
}

/** Servers that are not known to have failed for a socket of this family. */
function answeredFor(family: Family, { servers, errors }: Gathered): StunServer[] {
  return servers.filter((server) => {
    const literal = isLiteral(server) ? familyOf(server.host) : undefined;
    if (literal !== undefined && literal !== family) return false;
    // An error of a socket of the other family says nothing of this one's; one that hides its socket is taken for this one's.
    return !errors.some(
      (error) => stunServer(error.url)?.url === server.url && (familyOfHidden(error.address) ?? family) === family,
    );
  });
}

/**
 * Candidates by the socket that they come from. Where the base is told, by it (RFC 8839 §5.1). Where it is hidden, Chromium gives one
 * foundation to all of a base; Firefox, which does not name the server, then has one socket per family, for it hides the base
 * where only the default route is used.
 */
function bySocket(candidates: readonly Candidate[]): Candidate[][] {
  const sockets = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { relatedAddress, relatedPort, url, foundation } = candidate;
    const hidden = !relatedPort || relatedAddress === undefined || /^[0.:]*$/.test(relatedAddress);
    const key = hidden ? (url === undefined ? '' : foundation) : `${relatedAddress} ${relatedPort}`;
    sockets.set(key, [...(sockets.get(key) ?? []), candidate]);
  }
  return [...sockets.values()];
}

function different(socket: readonly Candidate[]): number {
  return new Set(socket.map(endpointOf)).size;
}

function endpointOf({ address, port }: Candidate): string {
  return `${address} ${port}`;
}

/** What was seen, each once: Firefox may tell the same address twice. */
function allSeen(candidates: readonly Candidate[]): Seen[] {
  const told = new Map(
    candidates.map((candidate) => [`${endpointOf(candidate)} ${candidate.url ?? ''}`, seen(candidate)]),
  );
  return [...told.values()];
}

function seen({ url, address, port }: Candidate): Seen {
  return url === undefined ? { address, port } : { url, address, port };
}

function nothing(reason: Reason): MappingFound {
  return { mapping: 'unknown', addresses: [], reason };
}

function isLiteral({ host }: StunServer): boolean {
  return familyOf(host) !== undefined;
}

/** Of an address, with or without brackets; nothing of a name. */
export function familyOf(address: string): Family | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) return 'ipv4';
  return address.includes(':') ? 'ipv6' : undefined;
}

/** Chromium hides the last part: `192.168.1.x`, `[2001:db8:1:x:x:x:x:x]`. */
function familyOfHidden(address: string | null | undefined): Family | undefined {
  if (address === undefined || address === null || address === '') return undefined;
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
