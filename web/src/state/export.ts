import { RequestError, readRecord } from '../api';
import type { Event } from '../generated/Event';
import type { SessionSummary } from '../generated/SessionSummary';
import { texts } from '../texts';
import { delta, time, uncertainty } from '../view/format';
import { environment } from './environment';
import { readRecordDocument } from './import/record';
import { readingKey, rememberedId } from './open';
import type { ShownSession } from './shown';
import { shown } from './store';

export interface Export {
  name: string;
  type: 'application/json' | 'text/plain';
  text: string;
  /** The daemon did not have it any more: it is what this page has. */
  isOwnCopy: boolean;
}

/** Makes the file of the session that is shown. */
export async function exportSession(form: 'json' | 'text', redacted: boolean): Promise<Export> {
  const session = shown.value;
  const { document, isOwnCopy } = await documentOf(session, redacted);
  const read = readRecordDocument(document);
  const stem = nameOf(read.session, read.redacted);
  return form === 'json'
    ? { name: `${stem}.json`, type: 'application/json', text: `${JSON.stringify(document, null, 1)}\n`, isOwnCopy }
    : { name: `${stem}.txt`, type: 'text/plain', text: timelineText(read.session, read.events), isOwnCopy };
}

/** The record from whoever has it. */
async function documentOf(session: ShownSession, redacted: boolean) {
  const id = rememberedId();
  if (id === undefined) return { document: ownDocument(session), isOwnCopy: false };
  try {
    return { document: await readRecord(environment.fetch, id, readingKey(id), { redacted }), isOwnCopy: false };
  } catch (error) {
    const lost = error instanceof RequestError && (error.status === 0 || error.status === 404);
    // Pseudonyms are the daemon's to make: addresses are not given away in their place.
    if (!lost || redacted) throw error;
    return { document: ownDocument(session), isOwnCopy: true };
  }
}

/** What the page has of a session. */
function ownDocument({ document, session, timeline, redacted }: ShownSession): unknown {
  const events = timeline.events.toSorted((a, b) => a.sequence - b.sequence);
  const base = document ?? { format: 'icescope.session/1', redacted: redacted.value, reports: [] };
  return { ...base, session: session.value, events };
}

/** `icescope-2026-11-22-213012-1f3a.json`: when it was and the beginning of its name. */
export function nameOf({ id, openedUnixMs }: SessionSummary, redacted: boolean): string {
  const opened = new Date(openedUnixMs).toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  const name = id.replace(/\W/g, '').slice(0, 8);
  return `icescope-${opened}-${name}${redacted ? '-redacted' : ''}`;
}

/** The timeline for people and for `grep`: a line for each event. */
export function timelineText(session: SessionSummary, events: readonly Event[]): string {
  const words = texts.sessions;
  const ordered = events.toSorted((a, b) => a.time - b.time || a.sequence - b.sequence);
  const head = [
    words.textHead(session.id, new Date(session.openedUnixMs).toISOString()),
    ...(session.verdict ? [`${texts.verdict.outcome[session.verdict.outcome]}: ${session.verdict.summary}`] : []),
    `${words.textAxis}; Δ: ${words.textSince}`,
    '',
  ];
  const lines = ordered.map((event, index) => line(event, ordered[index - 1]?.time));
  return `${[...head, ...lines].join('\n')}\n`;
}

function line(event: Event, before: number | undefined): string {
  const { kind, summary, from, to, seenBy, evidence } = event;
  const lanes = from === to ? texts.lane[from] : `${texts.lane[from]} → ${texts.lane[to]}`;
  return [
    plain(time(event.time)).padStart(12),
    uncertainty(event.uncertainty).padEnd(6),
    (before === undefined ? '' : `Δ ${plain(delta(event.time - before))}`).padEnd(14),
    texts.seenBy[seenBy].padEnd(7),
    texts.evidence[evidence].padEnd(6),
    lanes.padEnd(20),
    kind.padEnd(30),
    summary.replace(/\s+/g, ' '),
  ]
    .join(' ')
    .trimEnd();
}

/** Digits as programs read them. */
function plain(number: string): string {
  return number.replaceAll('\u2009', '').replaceAll('−', '-');
}

/** Hands a file to the browser, as a download. */
export function handOver({ name, type, text }: Export): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
