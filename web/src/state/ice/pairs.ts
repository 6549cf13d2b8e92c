import { type Family, familyOf, isPrivate, isTold, readEndpoint } from './address';
import { type Candidates, type IceCandidate, placeOf } from './candidates';
import type { BrowserPair, Checks, Counters, DaemonPair } from './checks';
import type { Selections } from './selected';

/**
 * How a pair stands. `selected`: it carries the media. `answered`: checks were answered. `failed`: the browser gave it up, or ICE is
 * over, without an answer. `unanswered`: no answer so far. `waiting`: an end has formed it and sent nothing yet.
 * `impossible`: protocols or families cannot meet. `unknown`: nothing tells of it.
 */
export type PairState = 'selected' | 'answered' | 'failed' | 'unanswered' | 'waiting' | 'impossible' | 'unknown';

/** One candidate of the browser with one of the daemon's, as both ends see it. */
export interface Pair {
  id: string;
  local: IceCandidate;
  remote: IceCandidate;
  state: PairState;
  family: Family | undefined;
  browser: BrowserPair | undefined;
  daemon: DaemonPair | undefined;
  /** Which end says that it sends over this pair. */
  selectedBy: { browser: boolean; daemon: boolean };
}

/** The RFC's pairs are of bases (RFC 8445 §6.1.2.4): each end tells only its own base from the other's candidates. */
export function joinPairs(candidates: Candidates, checks: Checks, selected: Selections, isOver: boolean): Pair[] {
  const told = checks.browser.flatMap((pair) => {
    const local = candidates.byStat.get(pair.local);
    const remote = candidates.byStat.get(pair.remote);
    return local && remote ? [{ local, remote, pair }] : [];
  });
  const browsers = candidates.browser.filter(isCurrent);
  const daemons = candidates.daemon.filter(isCurrent);
  const known = { browsers, daemons, told, packets: checks.daemon };
  const families = familiesOf([...browsers, ...daemons], told);
  return browsers.flatMap((local) =>
    daemons.map((remote) => {
      const { browser, daemon, isOwn, isSeen } = credit(local, remote, known);
      const base = baseOf(local, browsers);
      const selectedBy = {
        browser: isOwn && selected.browser?.local === base && selected.browser.remote === remote,
        daemon: isSeen && selected.daemon?.local === baseOf(remote, daemons) && isSeenAs(local, selected.daemon.remote),
      };
      const pair = { id: `${local.id}-${remote.id}`, local, remote, selectedBy, browser, daemon };
      return { ...pair, family: pairFamily(pair, families), state: stateOf(pair, isOver, families) };
    }),
  );
}

interface Known {
  browsers: readonly IceCandidate[];
  daemons: readonly IceCandidate[];
  told: readonly { local: IceCandidate; remote: IceCandidate; pair: BrowserPair }[];
  packets: readonly DaemonPair[];
}

/** Which of what the two bases counted is of this pair of candidates. */
function credit(local: IceCandidate, remote: IceCandidate, { browsers, daemons, told, packets }: Known) {
  const base = baseOf(local, browsers);
  const daemonBase = baseOf(remote, daemons);
  const own = told.find((one) => one.local === base && one.remote === remote)?.pair;
  const seen = daemonPair(packets, daemonBase, local);
  // Of the daemon's candidates of one base, the browser speaks to the one that answers it.
  const answers = (one: BrowserPair | undefined) => one?.responsesReceived ?? 0;
  const others = told.filter((one) => one.local === base && baseOf(one.remote, daemons) === daemonBase);
  const isBest =
    others.every(({ pair }) => answers(pair) <= answers(own)) && (own !== undefined || remote === daemonBase);
  // And of the browser's, it speaks from the one that the daemon saw checks come from.
  const isHere = isBest && hasArrived(seen);
  const rivals = browsers.filter((one) => one !== local && baseOf(one, browsers) === base);
  const isElsewhere = isBest && rivals.some((rival) => hasArrived(daemonPair(packets, daemonBase, rival)));
  const face = (own?.requestsSent ?? 0) > 0 ? faceOf(base, remote, browsers) : base;
  const isOwn = isHere || (!isElsewhere && local === face);
  const isSeen = isHere || (seen !== undefined && !hasArrived(seen) && remote === faceOf(daemonBase, local, daemons));
  return { browser: isOwn ? own : undefined, daemon: isSeen ? seen : undefined, isOwn, isSeen };
}

function isCurrent(candidate: IceCandidate): boolean {
  return !candidate.isPast && candidate.leftOut === undefined;
}

/** The candidate whose socket another one is seen from: itself, but for a reflexive one (RFC 8445 §5.1.1.1, §7.2.5.3.1). */
export function baseOf(candidate: IceCandidate, all: readonly IceCandidate[]): IceCandidate {
  if (candidate.candidateType !== 'srflx' && candidate.candidateType !== 'prflx') return candidate;
  const hosts = all.filter((one) => one.candidateType === 'host' && one.protocol === candidate.protocol);
  const { relatedAddress, relatedPort, address, port } = candidate;
  if (isTold(relatedAddress)) {
    const named = hosts.find((one) => one.address === relatedAddress && one.port === relatedPort);
    if (named !== undefined) return named;
  }
  // Where the browser hides the base, a NAT that keeps ports shows it, or that there is no other.
  const family = familyOf(address);
  const fitting = hosts.filter(
    (one) => one.tcpType === candidate.tcpType && (familyOf(one.address) ?? family) === family,
  );
  return fitting.find((one) => one.port === port) ?? (fitting.length === 1 && fitting[0] ? fitting[0] : candidate);
}

/** What the daemon's wiretap counted between its base and this candidate of the browser. */
function daemonPair(pairs: readonly DaemonPair[], base: IceCandidate, other: IceCandidate): DaemonPair | undefined {
  return pairs.find((pair) => isSocketOf(base, pair.local, pair.relay) && isSeenAs(other, pair.remote));
}

/** Whether a socket of the daemon is the one of this candidate. A 1:1 NAT gives the candidate another address; the port stays. */
export function isSocketOf(base: IceCandidate, place: string, relay: string | undefined): boolean {
  if (placeOf(base) === place) return true;
  const at = readEndpoint(place);
  if (base.candidateType === 'relay' || relay !== undefined || at === undefined) return false;
  return at.port === base.port && familyOf(at.address) === familyOf(base.address);
}

/** Whether the daemon's packets have a candidate of the browser under this address. */
export function isSeenAs(candidate: IceCandidate, place: string): boolean {
  return placeOf(candidate) === place || candidate.seenAs.includes(place);
}

/** Something came over it. */
function hasArrived(pair: DaemonPair | undefined): boolean {
  return (pair?.requestsReceived ?? 0) + (pair?.responsesReceived ?? 0) > 0;
}

/**
 * As which of its candidates a base is seen by an address of the world outside: as its server-reflexive one, if it has one. What
 * nobody answered is told apart only so.
 */
function faceOf(base: IceCandidate, other: IceCandidate, all: readonly IceCandidate[]): IceCandidate {
  const isOutside = other.candidateType !== 'host' || !(other.isHidden || isPrivate(other.address));
  const face = all.find((one) => one !== base && one.candidateType === 'srflx' && baseOf(one, all) === base);
  return isOutside && face !== undefined ? face : base;
}

type Families = ReadonlyMap<IceCandidate, Family | undefined>;

/** A hidden address shows its family by what the other end saw, or by what the browser pairs it with. */
function familiesOf(
  candidates: readonly IceCandidate[],
  told: readonly { local: IceCandidate; remote: IceCandidate }[],
): Families {
  return new Map(
    candidates.map((one) => [
      one,
      familyOf(one.address) ??
        familyOf(readEndpoint(one.seenAs[0])?.address) ??
        familyOf(told.find(({ local }) => local === one)?.remote.address),
    ]),
  );
}

function pairFamily({ local, remote }: Pick<Pair, 'local' | 'remote'>, families: Families): Family | undefined {
  return families.get(remote) ?? families.get(local);
}

function stateOf(pair: Omit<Pair, 'state' | 'family'>, isOver: boolean, families: Families): PairState {
  const { browser, daemon, selectedBy } = pair;
  if (selectedBy.browser || selectedBy.daemon) return 'selected';
  if (isAnswered(browser) || isAnswered(daemon)) return 'answered';
  if (browser?.state === 'failed') return 'failed';
  if (isAsked(browser) || isAsked(daemon) || daemon?.error !== undefined) return isOver ? 'failed' : 'unanswered';
  if (browser !== undefined || daemon !== undefined) return 'waiting';
  return canMeet(pair.local, pair.remote, families) ? 'unknown' : 'impossible';
}

function isAnswered(counted: Counters | undefined): boolean {
  return (counted?.responsesReceived ?? 0) > 0;
}

function isAsked(counted: Counters | undefined): boolean {
  return (counted?.requestsSent ?? 0) + (counted?.requestsReceived ?? 0) > 0;
}

/** Pairs are of one protocol and family, and of TCP types that fit (RFC 8445 §6.1.2.2, RFC 6544 §6.2). */
function canMeet(local: IceCandidate, remote: IceCandidate, known: Families): boolean {
  if (local.protocol !== remote.protocol) return false;
  const families = [local, remote].map((one) => known.get(one));
  if (families[0] !== undefined && families[1] !== undefined && families[0] !== families[1]) return false;
  if (local.protocol !== 'tcp') return true;
  const types = `${local.tcpType}-${remote.tcpType}`;
  return types === 'active-passive' || types === 'passive-active' || types === 'so-so';
}
