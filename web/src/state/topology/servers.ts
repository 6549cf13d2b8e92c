import type { Event } from '../../generated/Event';
import type { End } from '../ice/candidates';
import { placeOf } from '../ice/candidates';
import type { Ice } from '../ice/ice';
import { number, text } from '../ice/read';
import { serverPlace } from './reports';

/** How a server served one end: an answer, an error in words, or silence. */
export interface Use {
  service: 'stun' | 'turn';
  outcome: 'answered' | 'failed' | 'silent';
  error: string | undefined;
}

/** A server that was asked, by whom, and what came of it. */
export interface Server {
  /** Its transport address, or host and port where no more is known. */
  place: string;
  /** As it is called. */
  urls: string[];
  uses: Record<End, Use[]>;
  /** Relayed transport addresses that it gave, with whose they are and as what it saw their owner. */
  relayed: { place: string; end: End; mapped: string | undefined }[];
  /** It is the daemon's own. */
  isEmbedded: boolean;
}

/** The first answer of a TURN server, and a nonce that has run out, are no failures (RFC 8489 §9.2.4). */
const CHALLENGES = new Set([401, 438]);

class Servers {
  readonly all = new Map<string, Server>();
  readonly #addresses: ReadonlyMap<string, string>;

  constructor(addresses: ReadonlyMap<string, string>) {
    this.#addresses = addresses;
  }

  at(name: string): Server {
    const place = this.#addresses.get(name) ?? name;
    let server = this.all.get(place);
    if (server === undefined) {
      server = { place, urls: [], uses: { browser: [], daemon: [] }, relayed: [], isEmbedded: false };
      this.all.set(place, server);
    }
    return server;
  }

  called(url: string): Server {
    const server = this.at(serverPlace(url));
    if (!server.urls.includes(url)) server.urls.push(url);
    return server;
  }
}

/** An answer stands against later silence and errors; an error against silence. */
function note(server: Server, end: End, use: Use): void {
  const rank = { answered: 2, failed: 1, silent: 0 };
  const uses = server.uses[end];
  const before = uses.find(({ service }) => service === use.service);
  if (before === undefined) uses.push(use);
  else if (rank[use.outcome] >= rank[before.outcome]) Object.assign(before, use);
}

function relayed(server: Server, end: End, place: string | undefined, mapped?: string): void {
  if (place === undefined) return;
  const known = server.relayed.find((one) => one.place === place);
  if (known === undefined) server.relayed.push({ place, end, mapped });
  else known.mapped ??= mapped;
}

/** The servers that were really asked. `addresses`: what is known of their names. */
export function readServers(
  events: readonly Event[],
  { candidates }: Ice,
  addresses: ReadonlyMap<string, string>,
): Server[] {
  const servers = new Servers(addresses);
  for (const event of events) {
    if (event.kind === 'ice.candidate_error') failedAtBrowser(servers, event);
    else if (event.evidence === 'packet' && /^(stun|turn)\./.test(event.kind)) packet(servers, event);
  }
  for (const candidate of [...candidates.browser, ...candidates.daemon]) {
    const { url, end, candidateType, isPast } = candidate;
    if (url === undefined || isPast) continue;
    const server = servers.called(url);
    const service = candidateType === 'relay' ? 'turn' : 'stun';
    note(server, end, { service, outcome: 'answered', error: undefined });
    if (service === 'turn') relayed(server, end, placeOf(candidate));
  }
  return [...servers.all.values()];
}

function failedAtBrowser(servers: Servers, { attributes }: Event): void {
  const url = text(attributes, 'url');
  if (url === undefined) return;
  const code = number(attributes, 'errorCode');
  const error = `${code ?? ''} ${text(attributes, 'errorText') ?? ''}`.trim();
  note(servers.called(url), 'browser', { service: serviceOf(url), outcome: 'failed', error });
}

function packet(servers: Servers, { seenBy, from, to, kind, attributes }: Event): void {
  const lanes = [from, to];
  const isServer = lanes.includes('stun') || lanes.includes('turn');
  const end: End = seenBy === 'relay' ? 'browser' : 'daemon';
  const place = text(attributes, seenBy === 'relay' ? 'localAddress' : 'remoteAddress');
  if (!isServer || place === undefined || (end === 'browser' && !lanes.includes('web'))) return;
  const server = servers.at(place);
  if (seenBy === 'relay') server.isEmbedded = true;
  const service = lanes.includes('turn') ? 'turn' : 'stun';
  // A permission that is refused says nothing of the server, but of one peer.
  const code = number(attributes, 'errorCode');
  const isRefusal = kind.endsWith('.error') && !kind.includes('permission') && !kind.includes('channel');
  if (kind.endsWith('.request')) note(server, end, { service, outcome: 'silent', error: undefined });
  else if (kind.endsWith('.success')) note(server, end, { service, outcome: 'answered', error: undefined });
  else if (isRefusal && (!CHALLENGES.has(code ?? 0) || attributes.credentialRefused === true)) {
    note(server, end, {
      service,
      outcome: 'failed',
      error: `${code ?? ''} ${text(attributes, 'errorText') ?? ''}`.trim(),
    });
  }
  if (kind === 'turn.allocate.success') {
    relayed(server, end, text(attributes, 'relayedAddress'), text(attributes, 'mappedAddress'));
  }
}

function serviceOf(url: string): Use['service'] {
  return url.startsWith('turn') ? 'turn' : 'stun';
}
