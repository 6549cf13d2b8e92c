import { type Family, familyOf, isPrivate, isShared, isTold, readEndpoint } from '../ice/address';
import type { End, IceCandidate } from '../ice/candidates';
import type { Ice } from '../ice/ice';
import type { NatReport } from './reports';

/** What is known of one family at one end: whether addresses are translated, and how. */
export interface Translation {
  family: Family;
  /** Undefined: it cannot be told. */
  nat: boolean | undefined;
  /** A carrier translates once more (RFC 6888), or alone. */
  cgnat: boolean | undefined;
  /** The host's own addresses. */
  local: string[];
  /** Addresses as which others see the host: those of its outermost NAT, if it has one. */
  outside: string[];
  /** RFC 4787 §4.1; `dependent`: ADM or APDM, which of them is not known. */
  mapping: string | undefined;
  /** RFC 4787 §5. */
  filtering: string | undefined;
  ports: string | undefined;
  hairpin: boolean | undefined;
  classicName: string | undefined;
  /** The report that says so; without one it is what the candidates tell. */
  report: NatReport | undefined;
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** What the candidates tell of the browser's NAT. A browser that hides its addresses does not let it be known. */
export function browserTranslations(ice: Ice): Translation[] {
  const current = ice.candidates.browser.filter(({ isPast }) => !isPast);
  const hosts = current.filter(({ candidateType }) => candidateType === 'host');
  return FAMILIES.flatMap((family) => {
    const ofFamily = (addresses: string[]) => unique(addresses.filter((address) => familyOf(address) === family));
    // Active TCP candidates have no address of their own (0.0.0.0) where the browser does not tell it.
    const local = ofFamily(hosts.map(({ address }) => address).filter(isTold));
    const seen = ofFamily(hosts.flatMap(({ seenAs }) => seenAs.map((place) => readEndpoint(place)?.address ?? '')));
    const reflexive = ofFamily(current.flatMap(reflexiveAddresses));
    const outside = unique([...reflexive, ...seen]);
    if (local.length + outside.length === 0) return [];
    // A check that came from a private address shows the host's own, also where the browser hides it.
    const own = unique([...local, ...seen.filter((address) => isPrivate(address) && !reflexive.includes(address))]);
    const nat = isTranslated(own, outside);
    return [
      {
        ...{ family, nat, local: own, outside: nat ? outside.filter(isFrom(own)) : outside },
        ...{ cgnat: nat && own.some(isShared) ? true : undefined, mapping: browserMapping(current, ice, family) },
        ...{ filtering: undefined, ports: undefined, hairpin: undefined, classicName: undefined, report: undefined },
      },
    ];
  });
}

/** Other addresses than those in the list. */
function isFrom(list: readonly string[]): (address: string) => boolean {
  return (address) => !list.includes(address);
}

/** The daemon's: as its newest report says, and as its own candidates do. */
export function daemonTranslations({ candidates, checks }: Ice, reports: readonly NatReport[]): Translation[] {
  const current = candidates.daemon.filter(({ isPast }) => !isPast);
  return FAMILIES.flatMap((family) => {
    const ofFamily = (addresses: string[]) => unique(addresses.filter((address) => familyOf(address) === family));
    const report = reports.find((one) => one.family === family);
    const hosts = current.filter(({ candidateType }) => candidateType === 'host').map(({ address }) => address);
    const local = ofFamily([
      ...hosts,
      ...checks.own,
      readEndpoint(report?.localAddress)?.address ?? report?.localAddress ?? '',
    ]);
    const mapped = [...checks.mapped.keys()].map((place) => readEndpoint(place)?.address ?? '');
    const outside = ofFamily([...current.flatMap(reflexiveAddresses), ...mapped, report?.publicAddress ?? '']);
    // With a 1:1 NAT the host's candidates have the public address.
    if (report?.nat === true) local.splice(0, local.length, ...local.filter((one) => one !== report.publicAddress));
    if (local.length + outside.length === 0) return [];
    const nat = report?.nat ?? isTranslated(local, outside);
    return [
      {
        ...{
          family,
          local,
          outside,
          nat,
          cgnat: report?.cgnat,
          mapping: report?.mapping,
          filtering: report?.filtering,
        },
        ...{ ports: report?.ports, hairpin: report?.hairpin, classicName: report?.classicName, report },
      },
    ];
  });
}

/**
 * True where others see an address that is none of the host's; false where they see a public one that is its own. That
 * somebody of the same network sees its private one tells nothing.
 */
function isTranslated(local: readonly string[], outside: readonly string[]): boolean | undefined {
  if (local.length === 0 || outside.length === 0) return undefined;
  if (outside.some(isFrom(local))) return true;
  return outside.every(isPrivate) ? undefined : false;
}

/** As what others see a candidate's socket: a relayed one says it of its way to the relay (RFC 8839 §5.1). */
function reflexiveAddresses({ candidateType, address, relatedAddress, end }: IceCandidate): string[] {
  if (candidateType === 'srflx' || candidateType === 'prflx') return [address];
  // The browser's related address of a relayed candidate is the mapped one; the daemon's is its own.
  return candidateType === 'relay' && end === 'browser' && isTold(relatedAddress) ? [relatedAddress] : [];
}

/** Two destinations show whether the mapping depends on them: the STUN server, and the daemon (RFC 4787 §4.1). */
function browserMapping(current: readonly IceCandidate[], { pairs }: Ice, family: Family): string | undefined {
  const ofType = (type: string) =>
    current.filter((one) => one.candidateType === type && one.protocol === 'udp' && familyOf(one.address) === family);
  const reflexive = ofType('srflx');
  const hosts = current.filter(({ candidateType, protocol }) => candidateType === 'host' && protocol === 'udp');
  const arrived = pairs.filter(({ daemon }) => (daemon?.requestsReceived ?? 0) > 0 && daemon?.relay === undefined);
  if (reflexive.some((one) => arrived.some(({ local }) => local === one))) return 'EIM';
  const moved = ofType('prflx').filter(({ address }) => reflexive.some((one) => one.address === address));
  // With one socket there is no doubt whose mapping the new one is.
  return moved.length > 0 && hosts.length === 1 ? 'dependent' : undefined;
}

export function unique(list: readonly string[]): string[] {
  return [...new Set(list.filter((one) => one !== ''))];
}

/** A box between an end and the internet. */
export interface NatBox {
  id: `${End}-${'nat' | 'cgnat'}`;
  end: End;
  kind: 'nat' | 'cgnat';
  /** Whether there is one at all is not known. */
  isCertain: boolean;
  families: Translation[];
  /** Families that are known not to be translated. */
  spared: Family[];
}

/** The boxes of one end, from the host outward. None where nothing is translated. */
export function natBoxes(end: End, translations: readonly Translation[]): NatBox[] {
  const boxes: NatBox[] = [];
  const spared = translations.filter(({ nat }) => nat === false).map(({ family }) => family);
  // Where the host itself has a carrier's address there is no NAT of its own before it.
  const own = translations.filter(({ nat, local, cgnat }) => nat !== false && !(cgnat && local.some(isShared)));
  const certain = own.filter(({ nat }) => nat === true);
  if (certain.length > 0 || own.length > 0 || translations.length === 0) {
    const families = certain.length > 0 ? certain : own;
    boxes.push({ id: `${end}-nat`, end, kind: 'nat', isCertain: certain.length > 0, families, spared });
  }
  const carried = translations.filter(({ cgnat }) => cgnat === true);
  if (carried.length > 0)
    boxes.push({ id: `${end}-cgnat`, end, kind: 'cgnat', isCertain: true, families: carried, spared });
  return boxes;
}
