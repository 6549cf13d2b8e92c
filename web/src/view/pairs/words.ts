import { endpoint } from '../../rtc/candidate';
import { pairWords } from '../../rtc/pair';
import { type IceCandidate, placeOf } from '../../state/ice/candidates';
import type { Pair } from '../../state/ice/pairs';
import { texts } from '../../texts';

/** A candidate's place in few characters: names of mDNS are long and tell nothing. */
export function shortPlace(candidate: IceCandidate): string {
  const { address, port, isHidden } = candidate;
  if (!isHidden) return placeOf(candidate);
  const name = address === '' ? texts.candidates.hidden : `${address.slice(0, 4)}….local`;
  return endpoint({ address: name, port });
}

/** `host 192.0.2.1:4711`. */
export function candidateName(candidate: IceCandidate): string {
  return `${candidate.candidateType} ${shortPlace(candidate)}`;
}

/** The way of a pair in words for a person. */
export function wayWords({ local, remote, family }: Pair): string {
  const end = (candidate: IceCandidate) => ({
    ...candidate,
    ...{ foundation: '', component: 1, priority: candidate.priority ?? 0 },
    // A hidden address does not tell its family; the pair does.
    address: candidate.isHidden && family === 'ipv6' ? ':' : candidate.address,
  });
  if (local.candidateType === 'relay' && remote.candidateType === 'relay') return texts.pairs.bothRelays;
  // What carries packets to the daemon's relay, the daemon's candidate says.
  const isTheirs = remote.candidateType === 'relay' && remote.relayProtocol !== undefined;
  const ours = { ...end(local), ...(isTheirs ? { protocol: remote.relayProtocol ?? '' } : {}) };
  const theirs = end(remote);
  return pairWords({ id: '', local: known(ours), remote: known(theirs), roundTripTime: undefined });
}

type Known<T> = { [name in keyof T]: Exclude<T[name], undefined> };

function known<T extends object>(facts: T): Known<T> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Known<T>;
}
