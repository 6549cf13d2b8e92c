import type { Event } from '../../generated/Event';
import { endpoint } from '../../rtc/candidate';
import { type Candidates, type IceCandidate, placeOf } from './candidates';
import { isSeenAs, isSocketOf } from './pairs';
import { number, text } from './read';

/** What each end says that it sends over: its own base and the other's candidate. They can differ. */
export interface Selections {
  browser: { local: IceCandidate; remote: IceCandidate; time: number; sequence: number } | undefined;
  /** The other's transport address as the daemon's packets have it. */
  daemon: { local: IceCandidate; remote: string; time: number; sequence: number } | undefined;
}

/** Reads the newest word of each end; of the daemon's, its media's packets come before what its API says. */
export function readSelections(events: readonly Event[], candidates: Candidates): Selections {
  const selections: Selections = { browser: undefined, daemon: undefined };
  let hasMedia = false;
  for (const event of events) {
    const { kind, seenBy, attributes } = event;
    if (kind === 'ice.selected_pair' && seenBy === 'browser') {
      selections.browser = ofBrowser(event, candidates) ?? selections.browser;
    } else if (kind === 'ice.selected_pair' && !hasMedia) {
      selections.daemon = ofDaemon(event, candidates) ?? selections.daemon;
    } else if ((kind === 'rtp.first' || kind === 'rtp.path') && attributes.direction === 'outbound') {
      const media = ofMedia(event, candidates);
      hasMedia ||= media !== undefined;
      selections.daemon = media ?? selections.daemon;
    }
  }
  return selections;
}

type Facts = Record<string, unknown>;

function ofBrowser({ attributes, time, sequence }: Event, candidates: Candidates): Selections['browser'] {
  const local = find(candidates.browser, attributes.localCandidate as Facts | undefined);
  const remote = find(candidates.daemon, attributes.remoteCandidate as Facts | undefined);
  return local && remote && { local, remote, time, sequence };
}

function find(all: readonly IceCandidate[], facts: Facts | undefined): IceCandidate | undefined {
  if (facts === undefined) return undefined;
  const fits = (one: IceCandidate) =>
    one.candidateType === facts.candidateType && one.protocol === facts.protocol && one.port === facts.port;
  const fitting = all.filter(fits);
  // Firefox and getStats leave out a hidden address: the port is left.
  return fitting.find((one) => one.address === facts.address) ?? (facts.address ? undefined : fitting[0]);
}

/** The daemon names a hidden address by its name; its packets have the address itself. */
function ofDaemon({ attributes, time, sequence }: Event, candidates: Candidates): Selections['daemon'] {
  const place = (end: string) =>
    endpoint({ address: text(attributes, `${end}Address`), port: number(attributes, `${end}Port`) });
  const local = candidates.daemon.find((one) => placeOf(one) === place('local'));
  const other = candidates.browser.find((one) => isSeenAs(one, place('remote')));
  return local && { local, remote: other?.seenAs[0] ?? place('remote'), time, sequence };
}

function ofMedia({ attributes, time, sequence }: Event, candidates: Candidates): Selections['daemon'] {
  const remote = text(attributes, 'remoteAddress');
  const place = text(attributes, 'localAddress');
  const relay = text(attributes, 'relay');
  const local = candidates.daemon.find(
    (one) => place !== undefined && one.candidateType !== 'srflx' && isSocketOf(one, place, relay),
  );
  return local && remote ? { local, remote, time, sequence } : undefined;
}
