import type { Event } from '../../generated/Event';
import { endpoint } from '../../rtc/candidate';
import { pairWords } from '../../rtc/pair';
import { known } from '../../rtc/recorder';
import { inboundVideo, type Stat, selectedPair, statsAttributes, videoFigures } from '../../rtc/stats';
import { texts } from '../../texts';
import { readEntry } from './internals-log';
import { kindsOf, readSamples, type Sample } from './internals-stats';
import { ImportProblem } from './problem';
import { type ReadRecord, readRecordDocument } from './record';
import { Place } from './shape';

/** A connection of a dump of chrome://webrtc-internals. */
export interface DumpedConnection {
  /** As the dump names it: process and connection. */
  name: string;
  url: string;
  /** Milliseconds since the Unix epoch. */
  began: number;
  entries: number;
  samples: number;
  /** Its last connection state; undefined: it has none. */
  state: string | undefined;
  /** Makes a record of it. */
  record: () => ReadRecord;
}

type Timed = Omit<Event, 'sequence'>;

/** Older dumps have times in whole seconds, in words. */
const WHOLE_SECONDS_US = 1_000_000;
/** Those of newer ones are the browser's own, and so is the axis. */
const EXACT_US = 0;

export function isInternalsLike(value: object): boolean {
  return 'PeerConnections' in value;
}

/** Reads a dump's connections. Throws `ImportProblem`. */
export function readInternals(value: unknown): DumpedConnection[] {
  const top = new Place(value);
  const connections = top.get('PeerConnections');
  const agent = top.get('UserAgent');
  const names = Object.keys(connections.object());
  if (names.length === 0) throw new ImportProblem(texts.sessions.noConnections, connections.pointer);
  return names.map((name) => readConnection(name, connections.get(name), agent.isAbsent ? '' : agent.text()));
}

function readConnection(name: string, connection: Place, userAgent: string): DumpedConnection {
  const stats = connection.get('stats').isAbsent ? new Place({}) : connection.get('stats');
  refuseLegacy(stats);
  const samples = readSamples(stats);
  const log = connection.get('updateLog').list().map(readTimed);
  const first = Math.min(...log.map(({ time }) => time), ...samples.map(({ time }) => time * 1000));
  const began = Number.isFinite(first) ? first : 0;
  const url = connection.get('url').isAbsent ? '' : connection.get('url').text();
  const state = log.findLast(({ kind }) => kind === 'pc.connection_state' || kind === 'ice.connection_state');
  return {
    ...{ name, url, began: began / 1000, entries: log.length, samples: samples.length },
    state: (state?.attributes.connectionState ?? state?.attributes.iceState) as string | undefined,
    record: () => {
      const events = [...about(connection, url, userAgent, began), ...log, ...ofSamples(samples)];
      return recordOf(name, began, events);
    },
  };
}

/** The statistics of before the standard had other objects, with other names: googCandidatePair, ssrc. */
function refuseLegacy(stats: Place): void {
  const kinds = kindsOf(stats);
  const legacy = [...kinds].some((kind) => kind.startsWith('goog') || kind === 'ssrc');
  if (legacy && !kinds.has('candidate-pair') && !kinds.has('transport')) {
    throw new ImportProblem(texts.sessions.legacyDump, stats.pointer);
  }
}

/** An entry of the log, with its time in microseconds since the Unix epoch. */
function readTimed(place: Place): Timed {
  const { from = 'web', level = 'info', ...entry } = readEntry(place.get('type').text(), textOf(place.get('value')));
  const exact = !place.get('timestamp').isAbsent;
  const time = exact ? place.get('timestamp').date() : Date.parse(place.get('time').text());
  if (Number.isNaN(time)) throw place.get('time').wrong(texts.sessions.kind.time);
  const uncertainty = exact ? EXACT_US : WHOLE_SECONDS_US;
  return { ...seen(time * 1000), uncertainty, from, level, ...entry };
}

function textOf(value: Place): string {
  if (value.isAbsent) return '';
  return typeof value.value === 'string' ? value.value : JSON.stringify(value.value);
}

function seen(time: number): Omit<Timed, 'kind' | 'summary'> {
  return {
    ...{ time: Math.round(time), uncertainty: EXACT_US, seenBy: 'browser', from: 'web', to: 'web' },
    ...{ evidence: 'api', level: 'info', attributes: {} },
  };
}

/** What the dump says of the browser and of the connection's settings. */
function about(connection: Place, url: string, userAgent: string, began: number): Timed[] {
  const setting = connection.get('rtcConfiguration');
  const created = readEntry('rtcConfiguration', setting.isAbsent ? '' : textOf(setting));
  return [
    {
      ...seen(began),
      kind: 'page.user_agent',
      summary: userAgent || texts.sessions.nothing,
      attributes: { userAgent },
    },
    {
      ...seen(began),
      kind: 'pc.created',
      summary: texts.sessions.dumpedConnection(url),
      attributes: known({ url, configuration: created.attributes.value }),
    },
  ];
}

/** A `stats` event for each report, and the changes of the selected pair that they tell of: as our own page records them. */
function ofSamples(samples: readonly Sample[]): Timed[] {
  const told = new Set<string>();
  const events: Timed[] = [];
  let before: Stat | undefined;
  let last = '';
  for (const { time, stats } of samples) {
    const figures = videoFigures(stats, before);
    before = inboundVideo(stats) ?? before;
    const pair = selectedPair(stats);
    if (pair !== undefined && pair.id !== last) {
      last = pair.id;
      events.push({
        ...seen(time * 1000),
        kind: 'ice.selected_pair',
        summary: texts.event.selectedPair(pairWords(pair), endpoint(pair.local), endpoint(pair.remote)),
        attributes: { localCandidate: known({ ...pair.local }), remoteCandidate: known({ ...pair.remote }) },
      });
    }
    events.push({
      ...seen(time * 1000),
      kind: 'stats',
      level: 'debug',
      summary: texts.event.stats(figures?.framesDecoded, figures?.bitRate, pair?.roundTripTime),
      attributes: statsAttributes(stats, told),
    });
  }
  return events;
}

/** A record in our own format, its axis beginning with the first entry. */
function recordOf(name: string, began: number, events: readonly Timed[]): ReadRecord {
  const ordered = events.toSorted((a, b) => a.time - b.time);
  const ended = Math.round((ordered.at(-1)?.time ?? began) - began);
  return readRecordDocument({
    format: 'icescope.session/1',
    redacted: false,
    importedFrom: 'webrtc-internals',
    session: {
      ...{ id: name, openedUnixMs: Math.round(began / 1000), state: 'closed', closed: null, ended },
      ...{ events: ordered.length, eventsDropped: 0, uplink: null, verdict: null },
    },
    events: ordered.map((event, sequence) => ({ ...event, sequence, time: Math.round(event.time - began) })),
    reports: [],
  });
}
