import { texts } from '../texts';
import type { SelectedPair } from './stats';

/** The way that the media takes, in words for a person. */
export function pairWords(pair: SelectedPair): string {
  const { local, remote } = pair;
  const relay = local.candidateType === 'relay' ? local : remote.candidateType === 'relay' ? remote : undefined;
  const protocol = (local.candidateType === 'relay' ? local.relayProtocol : local.protocol) || local.protocol || 'udp';
  if (relay !== undefined) {
    const whose = relay === local ? texts.pair.browserRelay : texts.pair.daemonRelay;
    return texts.pair.relayed(whose, protocol.toUpperCase());
  }
  const reflexive = (type: string) => type === 'srflx' || type === 'prflx';
  const byNat = local.candidateType === 'srflx' || remote.candidateType === 'srflx';
  const oneSideHidden = reflexive(local.candidateType) || reflexive(remote.candidateType);
  const family = (remote.address || local.address).includes(':') ? 'IPv6' : 'IPv4';
  if (byNat) return texts.pair.throughNat(protocol.toUpperCase(), family);
  // A peer-reflexive candidate comes from a NAT, or from an address that its owner keeps to itself (mDNS): it is direct either way.
  return oneSideHidden
    ? texts.pair.directReflexive(protocol.toUpperCase(), family)
    : texts.pair.direct(protocol.toUpperCase(), family);
}
