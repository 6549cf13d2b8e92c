import type { Report } from '../../generated/Report';
import type { Family } from '../ice/address';
import { records, text } from '../ice/read';

/** What has reports: a probe, or a session's record. */
export interface Reported {
  reports: readonly Report[];
}

/** What the newest report about one family says of the daemon's NAT (`icescope.nat/1`); null and «unknown» are not known. */
export interface NatReport {
  family: Family;
  nat: boolean | undefined;
  cgnat: boolean | undefined;
  hairpin: boolean | undefined;
  localAddress: string | undefined;
  publicAddress: string | undefined;
  mapping: string | undefined;
  filtering: string | undefined;
  ports: string | undefined;
  udp: string | undefined;
  classicName: string | undefined;
  summary: string | undefined;
  unixMs: number;
}

/** The newest NAT report about each family. */
export function natReports(probes: readonly Reported[]): NatReport[] {
  const newest = new Map<Family, NatReport>();
  for (const report of reportsOf(probes, 'icescope.nat/1')) {
    const read = readNat(report);
    if (read !== undefined && (newest.get(read.family)?.unixMs ?? 0) <= read.unixMs) newest.set(read.family, read);
  }
  return [...newest.values()];
}

/** The addresses behind the servers' names, as the probes found them: `turn.example:3478` to `192.0.2.1:3478`. */
export function serverAddresses(probes: readonly Reported[]): Map<string, string> {
  const addresses = new Map<string, string>();
  for (const { document } of reportsOf(probes, 'icescope.nat/1')) {
    for (const server of records((document as Facts | null)?.servers)) {
      const [url, address] = [text(server, 'url'), text(server, 'address')];
      if (url !== undefined && address !== undefined) addresses.set(serverPlace(url), address);
    }
  }
  return addresses;
}

/** Host and port of a server's URL (RFC 7064, RFC 7065). */
export function serverPlace(url: string): string {
  const [, scheme = '', host = '', port] = /^(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?/.exec(url) ?? [];
  return `${host}:${port ?? (scheme.endsWith('s') ? 5349 : 3478)}`;
}

type Facts = Record<string, unknown>;

function reportsOf(probes: readonly Reported[], schema: string): Report[] {
  return probes.flatMap(({ reports }) => reports).filter((report) => report.schema === schema);
}

function readNat({ document, unixMs }: Report): NatReport | undefined {
  const facts = document as Facts | null;
  const family = facts?.family;
  if (facts === null || (family !== 'ipv4' && family !== 'ipv6')) return undefined;
  const known = (name: string) => {
    const value = text(facts, name);
    return value === 'unknown' ? undefined : value;
  };
  const flag = (name: string) => (typeof facts[name] === 'boolean' ? (facts[name] as boolean) : undefined);
  return {
    ...{ family, unixMs, nat: flag('nat'), cgnat: flag('cgnat'), hairpin: flag('hairpin') },
    ...{ localAddress: known('local_address'), publicAddress: known('public_address'), summary: known('summary') },
    ...{ mapping: known('mapping'), filtering: known('filtering'), ports: known('ports'), udp: known('udp') },
    classicName: known('classic_name'),
  };
}
