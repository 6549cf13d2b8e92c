import type { Event } from '../../generated/Event';
import { endpoint } from '../../rtc/candidate';
import { type Family, isTold, readEndpoint } from '../ice/address';
import { type End, type IceCandidate, placeOf } from '../ice/candidates';
import { type Ice, selectedPairs } from '../ice/ice';
import { baseOf, type Pair } from '../ice/pairs';
import { text } from '../ice/read';
import type { NatBox } from './nats';
import type { Server } from './servers';

/** A place on a path: an end, a NAT, or what lies between. */
export interface Station {
  /** Of the box that it is at: `browser`, `browser-nat`, `internet` … */
  box: string;
  /** `through` it, `past` it, or it is not known which. */
  via: 'end' | 'through' | 'past' | 'unknown';
  /** The transport address that the path has there. */
  label: string | undefined;
}

/** Where a path that failed stops, as far as both ends' evidence tells. */
export type Stop = 'daemon-not-sent' | 'relay-refused' | 'between' | 'unknown';

/** The way of one pair. */
export interface Path {
  pair: Pair;
  family: Family | undefined;
  /** `broken`: it was selected, and ICE has failed since. */
  role: 'selected' | 'broken' | 'failed' | 'trying';
  stations: Station[];
  /** Which halves of it were gone: checks were sent from there. */
  sentBy: { browser: boolean; daemon: boolean };
  stop: Stop | undefined;
  /** What refused it, in the refuser's words. */
  refusal: string | undefined;
}

/** What a path may cross. */
export interface Ground {
  nats: Record<End, NatBox[]>;
  servers: Server[];
}

/** The selected paths, then those on which checks went out and none was answered. */
export function readPaths(ice: Ice, ground: Ground, events: readonly Event[]): Path[] {
  const refused = refusedPermissions(events);
  const isDown = ice.states.browser === 'failed' || ice.states.daemon === 'failed';
  const selected = selectedPairs(ice.pairs);
  const refusals = new Map(ice.pairs.map((pair) => [pair, refusalOf(pair, refused, ice.candidates.browser)]));
  const isRefused = (pair: Pair) => refusals.get(pair) !== undefined && /unknown|waiting/.test(pair.state);
  const isTried = (pair: Pair) => pair.state === 'failed' || pair.state === 'unanswered' || isRefused(pair);
  return [...selected, ...ice.pairs.filter(isTried)].flatMap((pair) => {
    const refusal = refusals.get(pair);
    const sentBy = {
      browser: (pair.browser?.requestsSent ?? 0) > 0 || (pair.daemon?.requestsReceived ?? 0) > 0,
      // Whoever asks for a permission is about to send.
      daemon:
        refusal !== undefined || (pair.daemon?.requestsSent ?? 0) > 0 || (pair.browser?.requestsReceived ?? 0) > 0,
    };
    const isSelected = pair.state === 'selected';
    if (!isSelected && !sentBy.browser && !sentBy.daemon && refusal === undefined && !pair.daemon?.error) return [];
    const role = isSelected
      ? isDown
        ? 'broken'
        : 'selected'
      : pair.state === 'failed' || isDown
        ? 'failed'
        : 'trying';
    const stop = isSelected ? undefined : stopOf(pair, refusal);
    return [{ pair, family: pair.family, role, stations: stations(pair, ice, ground), sentBy, stop, refusal }];
  });
}

function stopOf({ browser, daemon }: Pair, refusal: string | undefined): Stop {
  if (daemon?.error !== undefined && daemon.requestsSent === 0) return 'daemon-not-sent';
  if (refusal !== undefined) return 'relay-refused';
  // The wiretap sees every check that reaches the daemon, the browser counts those that reach it.
  const lostThere = (browser?.requestsSent ?? 0) > 0 && (daemon?.requestsReceived ?? 0) === 0;
  const lostHere = (daemon?.requestsSent ?? 0) > 0 && browser !== undefined && browser.requestsReceived === 0;
  return lostThere || lostHere ? 'between' : 'unknown';
}

/** From the browser to the daemon. */
function stations(pair: Pair, { candidates }: Ice, { nats, servers }: Ground): Station[] {
  const { local, remote } = pair;
  const crossings = (boxes: NatBox[], candidate: IceCandidate, outside: string | undefined) =>
    boxes.filter((box) => isMet(box, pair.family)).map((box) => crossing(box, candidate, outside));
  const relays = [local, remote].filter(({ candidateType }) => candidateType === 'relay').map(placeOf);
  const socket = pair.daemon?.relay === undefined ? pair.daemon?.local : undefined;
  return [
    { box: 'browser', via: 'end', label: ownPlace(local, baseOf(local, candidates.browser)) },
    ...crossings(nats.browser, local, outsideOf(local, pair.daemon?.remote, servers)),
    { box: 'internet', via: relays.length > 0 ? 'through' : 'past', label: relays.join(' – ') || undefined },
    ...crossings(nats.daemon, remote, outsideOf(remote, undefined, servers)).toReversed(),
    { box: 'daemon', via: 'end', label: socket ?? ownPlace(remote, baseOf(remote, candidates.daemon)) },
  ];
}

/** The end's own address, where it is known: what goes to a relay does not tell it. */
function ownPlace(candidate: IceCandidate, base: IceCandidate): string | undefined {
  return candidate.candidateType !== 'relay' && base.candidateType === 'host' ? placeOf(base) || undefined : undefined;
}

/** As what the world sees a candidate's socket: of a relayed one, its relay. */
function outsideOf(candidate: IceCandidate, seen: string | undefined, servers: readonly Server[]): string | undefined {
  if (candidate.candidateType !== 'relay') return candidate.isHidden ? seen : placeOf(candidate);
  const { end, relatedAddress, relatedPort } = candidate;
  const mapped = servers.flatMap((server) => server.relayed).find((one) => one.place === placeOf(candidate))?.mapped;
  if (mapped !== undefined) return mapped;
  return end === 'browser' && isTold(relatedAddress)
    ? endpoint({ address: relatedAddress, port: relatedPort })
    : undefined;
}

/** A NAT of another family is nothing to a path; one of which nothing is known may be. */
function isMet({ families, isCertain, spared }: NatBox, family: Family | undefined): boolean {
  if (families.some((one) => one.family === family)) return true;
  return !isCertain && (family === undefined || !spared.includes(family));
}

/** A path goes through a NAT if the world sees it at an address of the NAT's, and past it if at one of the host's own. */
function crossing(box: NatBox, candidate: IceCandidate, outside: string | undefined): Station {
  const address = readEndpoint(outside)?.address;
  const isOwn = address !== undefined && box.families.some(({ local }) => local.includes(address));
  const isOutside = address !== undefined && box.families.some((one) => one.outside.includes(address));
  const via = !box.isCertain ? 'unknown' : isOwn ? 'past' : isOutside ? 'through' : 'unknown';
  // The carrier's NAT gives the address that the world sees; the one between is not known.
  const isInner = box.kind === 'nat' && box.families.some(({ cgnat }) => cgnat === true);
  return { box: box.id, via, label: via === 'past' || isInner || candidate.isHidden ? undefined : outside };
}

/** What the daemon's TURN server refused: relayed address and peer, with its words. */
function refusedPermissions(events: readonly Event[]): Map<string, string> {
  const asked = new Map<string, string>();
  const refused = new Map<string, string>();
  for (const { kind, seenBy, attributes } of events) {
    if (!kind.startsWith('turn.create_permission.') || seenBy !== 'daemon') continue;
    const transaction = text(attributes, 'transactionId') ?? '';
    const peer = readEndpoint(attributes.peerAddress)?.address;
    if (kind.endsWith('.request') && peer !== undefined) asked.set(transaction, peer);
    const of = asked.get(transaction);
    if (of === undefined) continue;
    if (kind.endsWith('.success')) refused.delete(of);
    else if (kind.endsWith('.error'))
      refused.set(of, `${attributes.errorCode} ${text(attributes, 'errorText') ?? ''}`.trim());
  }
  return refused;
}

/** Permissions are given per address (RFC 8656 §9). What a base counted is of any of its candidates. */
function refusalOf(
  { local, remote, browser }: Pair,
  refused: ReadonlyMap<string, string>,
  all: readonly IceCandidate[],
): string | undefined {
  if (remote.candidateType !== 'relay') return undefined;
  const base = baseOf(local, all);
  const alike = browser === undefined ? [local] : all.filter((one) => baseOf(one, all) === base);
  const places = alike
    .flatMap((one) => [placeOf(one), ...one.seenAs])
    .map((place) => readEndpoint(place)?.address ?? '');
  return places.map((address) => refused.get(address)).find((words) => words !== undefined);
}
