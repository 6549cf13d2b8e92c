import type { Event } from '../../generated/Event';
import type { End } from '../ice/candidates';
import { type Ice, readIce } from '../ice/ice';
import { browserTranslations, daemonTranslations, type NatBox, natBoxes, type Translation } from './nats';
import { type Path, readPaths } from './paths';
import { natReports, type Reported, serverAddresses } from './reports';
import { readServers, type Server } from './servers';

/** One end with its own addresses. */
export interface EndBox {
  end: End;
  translations: Translation[];
  /** Addresses that the browser keeps to itself, by their names. */
  hidden: string[];
  /** Kinds of network that it says its interfaces are on. */
  networks: string[];
  /** The interfaces of the daemon's addresses. */
  interfaces: string[];
}

/** What lies between the browser and the daemon, as far as it is known. */
export interface Topology {
  browser: EndBox;
  daemon: EndBox;
  /** From the end outward. */
  nats: Record<End, NatBox[]>;
  servers: Server[];
  paths: Path[];
  /** Both ends are seen as this address: one NAT has both behind it. */
  shared: { address: string; hairpin: boolean | undefined } | undefined;
}

/** Reads the topology from what both ends have told, and from the newest reports of the daemon's probes. */
export function readTopology(
  events: readonly Event[],
  probes: readonly Reported[],
  ice: Ice = readIce(events),
): Topology {
  const translations = {
    browser: browserTranslations(ice),
    daemon: daemonTranslations(ice, natReports(probes)),
  };
  const nats = { browser: natBoxes('browser', translations.browser), daemon: natBoxes('daemon', translations.daemon) };
  const servers = readServers(events, ice, serverAddresses(probes));
  const end = (which: End): EndBox => {
    const current = ice.candidates[which].filter(({ isPast }) => !isPast);
    const hidden = current.filter(({ isHidden, address }) => isHidden && address !== '').map(({ address }) => address);
    const networks = current.flatMap(({ networkType }) => networkType ?? []);
    const interfaces = current.flatMap((one) => one.interface ?? []);
    const uniques = (list: string[]) => [...new Set(list)];
    return {
      end: which,
      translations: translations[which],
      hidden: uniques(hidden),
      networks: uniques(networks),
      interfaces: uniques(interfaces),
    };
  };
  return {
    ...{ browser: end('browser'), daemon: end('daemon'), nats, servers },
    paths: readPaths(ice, { nats, servers }, events),
    shared: sharedNat(translations.browser, translations.daemon),
  };
}

function sharedNat(browser: readonly Translation[], daemon: readonly Translation[]): Topology['shared'] {
  for (const ours of browser) {
    const theirs = daemon.find(({ family, nat }) => family === ours.family && nat === true);
    const address = theirs?.outside.find((one) => ours.outside.includes(one) && !ours.local.includes(one));
    if (theirs !== undefined && address !== undefined) return { address, hairpin: theirs.hairpin };
  }
  return undefined;
}

/** Whether there is anything to draw. */
export function isKnown({ browser, daemon, servers }: Topology): boolean {
  return browser.translations.length + daemon.translations.length + servers.length + browser.hidden.length > 0;
}
