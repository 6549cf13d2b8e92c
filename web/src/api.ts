import type { ApiError } from './generated/ApiError';
import type { FromPage } from './generated/FromPage';
import type { Plugins } from './generated/Plugins';
import type { ProbeStarted } from './generated/ProbeStarted';
import type { Probes } from './generated/Probes';
import type { SessionOpened } from './generated/SessionOpened';
import type { SessionSummary } from './generated/SessionSummary';
import type { SharedSession } from './generated/SharedSession';
import type { ToPage } from './generated/ToPage';
import { texts } from './texts';

/** What the daemon says of probes on a live channel. */
export type ProbeNews = Extract<ToPage, { type: 'probes' | 'probe-steps' }>;

/** Why a request to the daemon did not give what was asked for, in words for a person. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** HTTP status; 0 where no answer came at all. */
  readonly status: number;
  /** The daemon's stable word (`ApiError.code`), `no-answer` or `unreadable-answer`. */
  readonly code: string;
  /** Milliseconds after which the daemon wishes to be asked again (Retry-After). */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export type Fetch = typeof fetch;

/** `fetch`, with a failure to reach the daemon at all turned into words. */
export async function request(fetcher: Fetch, path: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetcher(path, { cache: 'no-store', credentials: 'same-origin', ...init });
  } catch (error) {
    throw new RequestError(0, 'no-answer', texts.problem.noAnswer(init.method ?? 'GET', path, String(error)));
  }
}

/** Turns an answer that is not a success into an error that says what was asked and what came back. */
export async function refusal(method: string, path: string, response: Response): Promise<RequestError> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  const retryAfter = retryAfterOf(response);
  if (isApiError(body)) {
    return new RequestError(response.status, body.code, body.message, retryAfter);
  }
  const text = (await response.text().catch(() => '')).trim().slice(0, 300);
  const message = texts.problem.refused(method, path, response.status, text);
  return new RequestError(response.status, 'unreadable-answer', message, retryAfter);
}

/** Opens a session. */
export async function openSession(fetcher: Fetch): Promise<SessionOpened> {
  return json(fetcher, 'POST', '/api/sessions', { method: 'POST' });
}

/** The live channel's messages by a single request, each way; `next` is the first event that the page has not got. */
export async function exchange(
  fetcher: Fetch,
  session: { id: string; token: string },
  next: number,
  messages: FromPage[],
): Promise<ToPage[]> {
  const path = `/api/sessions/${encodeURIComponent(session.id)}/events?next=${next}`;
  return json(fetcher, 'POST', path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${session.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(messages),
  });
}

/** Reads the heads of all sessions that the daemon remembers. */
export async function readSessions(fetcher: Fetch, token: string | undefined): Promise<SessionSummary[]> {
  return json(fetcher, 'GET', '/api/sessions', { headers: bearing(token) });
}

/** Reads a session's whole record, as it comes: it may have fields that this page does not know. */
export async function readRecord(
  fetcher: Fetch,
  id: string,
  token: string | undefined,
  { redacted = false } = {},
): Promise<unknown> {
  const path = `/api/sessions/${encodeURIComponent(id)}${redacted ? '?redact=true' : ''}`;
  return json(fetcher, 'GET', path, { headers: bearing(token) });
}

/** Reads on in a session: its head, and its events from `next` on. Tells the daemon nothing. */
export async function readOn(fetcher: Fetch, id: string, token: string | undefined, next: number): Promise<ToPage[]> {
  const path = `/api/sessions/${encodeURIComponent(id)}/events?next=${next}`;
  const headers = { ...bearing(token), 'Content-Type': 'application/json' };
  return json(fetcher, 'POST', path, { method: 'POST', headers, body: '[]' });
}

/** Asks for the key of a link that lets others read a session. */
export async function shareSession(fetcher: Fetch, id: string, token: string | undefined): Promise<SharedSession> {
  const path = `/api/sessions/${encodeURIComponent(id)}/share`;
  return json(fetcher, 'POST', path, { method: 'POST', headers: bearing(token) });
}

/** Reads the plugins' states. */
export async function readPlugins(fetcher: Fetch): Promise<Plugins> {
  return json(fetcher, 'GET', '/api/plugins', {});
}

/** What opens the probes' door: an open session's key, or an admin's token. */
export interface ProbesKey {
  session: string | undefined;
  admin: string | undefined;
}

/** Reads the probes, their runs and their reports. */
export async function readProbes(fetcher: Fetch, key: ProbesKey): Promise<Probes> {
  return json(fetcher, 'GET', '/api/probes', { headers: knocking(key) });
}

/** Asks for a run of a probe. */
export async function runProbe(fetcher: Fetch, instance: string, key: ProbesKey): Promise<ProbeStarted> {
  const path = `/api/probes/${encodeURIComponent(instance)}/run`;
  return json(fetcher, 'POST', path, { method: 'POST', headers: knocking(key) });
}

function knocking({ session, admin }: ProbesKey): Record<string, string> {
  return { ...bearing(admin), ...(session === undefined ? {} : { 'Icescope-Session': session }) };
}

function bearing(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}

async function json<T>(fetcher: Fetch, method: string, path: string, init: RequestInit): Promise<T> {
  const response = await request(fetcher, path, init);
  if (!response.ok) throw await refusal(method, path, response);
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new RequestError(
      response.status,
      'unreadable-answer',
      texts.problem.unreadable(method, path, response.status, String(error)),
    );
  }
}

/** Retry-After in milliseconds; both forms of RFC 9110 §10.2.3. */
export function retryAfterOf(response: Response, now = Date.now()): number | undefined {
  const value = response.headers.get('Retry-After');
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function isApiError(body: unknown): body is ApiError {
  return (
    typeof body === 'object' &&
    body !== null &&
    typeof (body as ApiError).code === 'string' &&
    typeof (body as ApiError).message === 'string'
  );
}
