import { signal } from '@preact/signals';
import { RequestError, readOn, readSessions } from '../api';
import type { SessionSummary } from '../generated/SessionSummary';
import { texts } from '../texts';
import { adminToken, forgetOwn, isOnLoopback, mayOversee, ownSessions, setAdminToken } from './access';
import { environment } from './environment';
import { hold } from './hold';

/** How often the list is read anew while it is looked at. */
const EVERY_MS = 5000;
/** Beyond every event: the head alone is asked for. */
const NO_EVENTS = Number.MAX_SAFE_INTEGER;

/** The sessions that the daemon remembers, as far as this page may know of them. */
export const past = {
  /** Newest first. */
  sessions: signal<readonly SessionSummary[]>([]),
  /** Whether the list was read once. */
  read: signal(false),
  /** Whose sessions these are: all, or those of this page alone, because the daemon's door to the others is closed to it. */
  scope: signal<'all' | 'own'>('all'),
  /** Why the list could not be read. */
  problem: signal<string | undefined>(undefined),
};

let reading = false;

/** Reads the list now. */
export async function readPast(): Promise<void> {
  // While a session comes up nothing else is asked for.
  if (reading || hold.active) return;
  reading = true;
  try {
    const all = mayOversee() ? await readAll() : undefined;
    past.scope.value = all === undefined ? 'own' : 'all';
    const list = all ?? (await readOwn());
    past.sessions.value = list.toSorted((a, b) => b.openedUnixMs - a.openedUnixMs);
    past.read.value = true;
  } catch (error) {
    const away = error instanceof RequestError && error.status === 0;
    past.problem.value = away ? texts.sessions.unreachable : texts.sessions.refused(texts.describe(error));
  } finally {
    reading = false;
  }
}

/** All of them; undefined where the door is closed. */
async function readAll(): Promise<SessionSummary[] | undefined> {
  const token = adminToken.value;
  try {
    const list = await readSessions(environment.fetch, token);
    past.problem.value = undefined;
    return list;
  } catch (error) {
    if (!(error instanceof RequestError) || error.status !== 401) throw error;
    past.problem.value = token === undefined ? undefined : texts.sessions.wrongToken;
    setAdminToken(undefined);
    // On this machine the door is open without a token.
    return token !== undefined && isOnLoopback() ? readAll() : undefined;
  }
}

/** The heads of this page's own sessions. What is over stays as it is, so it is asked for only until its verdict is there. */
async function readOwn(): Promise<SessionSummary[]> {
  const known = new Map(past.sessions.value.map((session) => [session.id, session]));
  const heads = ownSessions.value.map(async ({ id, token }) => {
    const before = known.get(id);
    if (before?.closed && before.verdict) return before;
    try {
      const answers = await readOn(environment.fetch, id, token, NO_EVENTS);
      return answers.find((answer) => answer.type === 'session')?.session;
    } catch (error) {
      if (!(error instanceof RequestError) || error.status === 0 || error.status >= 500) throw error;
      forgetOwn(id);
      return undefined;
    }
  });
  const found = (await Promise.all(heads)).filter((head) => head !== undefined);
  if (past.problem.value === texts.sessions.unreachable) past.problem.value = undefined;
  return found;
}

/** An admin's token was entered. */
export async function useToken(token: string): Promise<void> {
  setAdminToken(token.trim() === '' ? undefined : token.trim());
  past.problem.value = undefined;
  await readPast();
}

/** The token is to be forgotten, and with it what it showed. */
export async function dropToken(): Promise<void> {
  setAdminToken(undefined);
  past.sessions.value = [];
  past.problem.value = undefined;
  await readPast();
}

/** Keeps the list fresh until the answer is called. */
export function watchPast(): () => void {
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') void readPast();
  }, EVERY_MS);
  void readPast();
  return () => clearInterval(timer);
}
