import type { Event } from '../../generated/Event';
import type { Report } from '../../generated/Report';
import type { SessionSummary } from '../../generated/SessionSummary';
import type { Verdict } from '../../generated/Verdict';
import type { Weight } from '../../generated/Weight';
import { texts } from '../../texts';
import { ImportProblem } from './problem';
import { Place } from './shape';

/** A session's record as the page uses it (`icescope.session/1`); `document` is all of it, with what this page does not know. */
export interface ReadRecord {
  session: SessionSummary;
  events: Event[];
  reports: Report[];
  redacted: boolean;
  /** What else than the daemon it came from. */
  importedFrom: string | undefined;
  document: Record<string, unknown>;
}

/** The format's name with its major version; within that, fields are only added. */
const FORMAT = 'icescope.session/1';
const LANES = new Set(['web', 'signalling', 'stun', 'turn', 'peer']);
const SEEN_BY = new Set(['browser', 'daemon', 'relay', 'plugin']);
const EVIDENCE = new Set(['packet', 'api']);
const LEVELS = new Set(['debug', 'info', 'warn', 'error']);
const STATES = new Set(['new', 'connecting', 'connected', 'disconnected', 'closed']);
const OUTCOMES = new Set(['connected', 'failed', 'pending']);
const WEIGHTS = new Set(['fatal', 'degraded', 'harmless'] satisfies Weight[]);

/** Checks a record from the daemon or from a file. Throws `ImportProblem`. */
export function readRecordDocument(value: unknown): ReadRecord {
  const top = new Place(value);
  checkFormat(top.get('format'));
  const events = top.get('events').list().map(checkEvent);
  checkNumbers(events);
  const reports = top.get('reports');
  return {
    session: checkHead(top.get('session')),
    events: events.map(({ value }) => value as Event),
    reports: reports.isAbsent ? [] : reports.list().map(checkReport),
    redacted: top.get('redacted').value === true,
    importedFrom: top.get('importedFrom').isAbsent ? undefined : top.get('importedFrom').text(),
    document: top.object(),
  };
}

/** Whether a document looks like a record at all, however wrong it may be. */
export function isRecordLike(value: object): boolean {
  const { format } = value as { format?: unknown };
  return (
    (typeof format === 'string' && format.startsWith('icescope.session/')) || ('session' in value && 'events' in value)
  );
}

function checkFormat(format: Place): void {
  // Records of the first days have none.
  if (format.isAbsent) return;
  const said = format.text();
  if (said === FORMAT || said.startsWith(`${FORMAT}.`)) return;
  throw new ImportProblem(texts.sessions.otherFormat(said, FORMAT), format.pointer);
}

function checkEvent(event: Place): Place {
  event.get('sequence').moment();
  event.get('time').moment();
  event.get('uncertainty').moment();
  event.get('kind').text();
  event.get('summary').text();
  event.get('from').word(LANES);
  event.get('to').word(LANES);
  event.get('seenBy').word(SEEN_BY);
  event.get('evidence').word(EVIDENCE);
  event.get('level').word(LEVELS);
  event.get('attributes').object();
  return event;
}

/** An event is known by its number. */
function checkNumbers(events: readonly Place[]): void {
  const known = new Set<unknown>();
  for (const event of events) {
    const { sequence } = event.value as Event;
    if (known.has(sequence)) throw new ImportProblem(texts.sessions.twice(sequence), `${event.pointer}/sequence`);
    known.add(sequence);
  }
}

function checkHead(head: Place): SessionSummary {
  head.get('id').text();
  head.get('openedUnixMs').date();
  head.get('state').word(STATES);
  const closed = head.get('closed');
  if (!closed.isAbsent) closed.get('reason').text();
  const verdict = head.get('verdict');
  const dropped = head.get('eventsDropped');
  return {
    ...(head.value as SessionSummary),
    closed: closed.isAbsent ? null : (closed.value as SessionSummary['closed']),
    ended: head.get('ended').isAbsent ? null : head.get('ended').moment(),
    eventsDropped: dropped.isAbsent ? 0 : dropped.number(),
    uplink: head.get('uplink').isAbsent ? null : (head.get('uplink').object() as SessionSummary['uplink']),
    verdict: verdict.isAbsent ? null : checkVerdict(verdict),
  };
}

function checkVerdict(verdict: Place): Verdict {
  verdict.get('outcome').word(OUTCOMES);
  for (const name of ['stage', 'side', 'certainty', 'summary', 'advice']) verdict.get(name).text();
  if (!verdict.get('cause').isAbsent) verdict.get('cause').text();
  for (const number of verdict.get('evidence').list()) number.number();
  for (const finding of verdict.get('findings').list()) {
    for (const name of ['cause', 'summary', 'advice']) finding.get(name).text();
    finding.get('weight').word(WEIGHTS);
    for (const number of finding.get('evidence').list()) number.number();
  }
  for (const stage of verdict.get('stages').list()) stage.object();
  const path = verdict.get('path');
  if (!path.isAbsent) path.object();
  return { ...(verdict.value as Verdict), path: path.isAbsent ? null : (path.value as Verdict['path']) };
}

function checkReport(report: Place): Report {
  for (const name of ['probe', 'schema', 'subject', 'outcome']) report.get(name).text();
  report.get('unixMs').date();
  return report.value as Report;
}
