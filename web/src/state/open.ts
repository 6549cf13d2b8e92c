import { signal } from '@preact/signals';
import { RequestError, readOn, readRecord } from '../api';
import { texts } from '../texts';
import { adminToken, ownSessions } from './access';
import { environment } from './environment';
import { ImportProblem } from './import/problem';
import { type ReadRecord, readRecordDocument } from './import/record';
import { sequence } from './sequence/view';
import { type Origin, ShownSession } from './shown';
import { isLive, type Problem, shown, store } from './store';

/** How often a session that goes on somewhere else is read on. */
const FOLLOW_EVERY_MS = 1000;
/** The last word about a session comes a little after its end. */
const LAST_WORD_MS = 3000;

/** Why the session that a link or the list names is not shown. */
export const openProblem = signal<Problem | undefined>(undefined);
/** What is the matter with the session that is followed. */
export const followProblem = signal<'away' | 'lost' | undefined>(undefined);

/** The keys of links that were opened, by session. */
const linkKeys = new Map<string, string>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** What opens a session for reading: a link's key, this page's own token, an admin's. Nothing: the daemon's own machine. */
export function readingKey(id: string): string | undefined {
  return linkKeys.get(id) ?? ownSessions.value.find((own) => own.id === id)?.token ?? adminToken.value;
}

/** Shows a session that the daemon remembers; with the key of a link, if it came by one. */
export async function openRemembered(id: string, linkKey?: string): Promise<void> {
  openProblem.value = undefined;
  if (linkKey !== undefined) linkKeys.set(id, linkKey);
  try {
    const record = readRecordDocument(await readRecord(environment.fetch, id, readingKey(id)));
    const session = show({ kind: 'remembered', id, shared: linkKey !== undefined }, record);
    if (record.session.closed === null) follow(session, id);
  } catch (error) {
    openProblem.value = problemOf(error);
  }
}

/** Shows a session out of a file. */
export function openImported(file: string, format: 'icescope' | 'webrtc-internals', record: ReadRecord): void {
  openProblem.value = undefined;
  const internals = format === 'webrtc-internals' || record.importedFrom === 'webrtc-internals';
  show({ kind: 'imported', file, format: internals ? 'webrtc-internals' : 'icescope' }, record);
}

/** Shows the page's own session again. */
export function backToLive(): void {
  stopFollowing();
  openProblem.value = undefined;
  shown.value = store.live;
  sequence.reset();
  // A link in the address would be opened again by a reload.
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
}

function show(origin: Origin, record: ReadRecord): ShownSession {
  stopFollowing();
  const session = new ShownSession(origin);
  take(session, record);
  session.timeline.add(record.events.toSorted((a, b) => a.time - b.time || a.sequence - b.sequence));
  session.timeline.showNow();
  session.growing.value = record.session.closed === null && origin.kind === 'remembered';
  shown.value = session;
  sequence.reset();
  return session;
}

function take(session: ShownSession, record: ReadRecord): void {
  session.session.value = record.session;
  session.reports.value = record.reports;
  session.redacted.value = record.redacted;
  session.document = record.document;
}

function stopFollowing(): void {
  clearTimeout(timer);
  followProblem.value = undefined;
}

/** Reads on in a session as long as it goes on and is shown. */
function follow(session: ShownSession, id: string): void {
  const step = async () => {
    let wait = FOLLOW_EVERY_MS;
    try {
      const next = 1 + session.timeline.events.reduce((most, { sequence }) => Math.max(most, sequence), -1);
      for (const answer of await readOn(environment.fetch, id, readingKey(id), next)) {
        if (shown.value !== session) return;
        if (answer.type === 'events') session.timeline.add(answer.events);
        else if (answer.type === 'session') session.session.value = answer.session;
      }
      followProblem.value = undefined;
      if (session.session.value?.closed) {
        session.growing.value = false;
        timer = setTimeout(() => void finish(session, id), LAST_WORD_MS);
        return;
      }
    } catch (error) {
      if (shown.value !== session) return;
      const status = error instanceof RequestError ? error.status : 0;
      if (status === 404 || status === 401) {
        followProblem.value = 'lost';
        session.growing.value = false;
        return;
      }
      followProblem.value = 'away';
      wait *= 3;
    }
    timer = setTimeout(() => void step(), wait);
  };
  timer = setTimeout(() => void step(), FOLLOW_EVERY_MS);
}

/** The whole record once more, with the last word about it. */
async function finish(session: ShownSession, id: string): Promise<void> {
  try {
    const record = readRecordDocument(await readRecord(environment.fetch, id, readingKey(id)));
    if (shown.value !== session) return;
    take(session, record);
    const known = new Set(session.timeline.events.map((event) => event.sequence));
    session.timeline.add(record.events.filter((event) => !known.has(event.sequence)));
  } catch {
    // What is shown stays; it is only the last word that is missing.
  }
}

function problemOf(error: unknown): Problem {
  const words = texts.sessions;
  const status = error instanceof RequestError ? error.status : undefined;
  if (status === 404) return { title: words.gone, message: words.goneWhy, next: words.goneNext };
  if (status === 401) return { title: words.linkWrong, message: words.linkWrongWhy, next: words.linkWrongNext };
  const next = status === 0 ? texts.problem.next['no-answer'] : '';
  const message = error instanceof ImportProblem ? error.message : texts.describe(error);
  return { title: words.unreadable, message, next };
}

/** Whether the session that is shown can be asked of the daemon, and by which name. */
export function rememberedId(): string | undefined {
  if (isLive.value) return store.sessionId.value;
  const { origin } = shown.value;
  return origin.kind === 'remembered' ? origin.id : undefined;
}
