import { signal } from '@preact/signals';

/** A session that this page opened, with what opens it. */
export interface OwnSession {
  id: string;
  token: string;
}

const ADMIN = 'icescope-admin-token';
const OWN = 'icescope-sessions';
/** As many as the daemon remembers by default of those that are over. */
const MOST = 32;

function recall(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    // Storage may be forbidden; it is known until the page is left, then.
    return undefined;
  }
}

function keep(key: string, value: string | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // See above.
  }
}

/** An admin's token, as entered: kept for this tab only. */
export const adminToken = signal(recall(ADMIN));
/** The sessions of this tab, oldest first. */
export const ownSessions = signal<readonly OwnSession[]>(recalled(recall(OWN)));

function recalled(text: string | undefined): OwnSession[] {
  try {
    const list: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(list) ? list.filter(isOwn) : [];
  } catch {
    return [];
  }
}

function isOwn(one: unknown): one is OwnSession {
  const { id, token } = (one ?? {}) as Partial<OwnSession>;
  return typeof id === 'string' && typeof token === 'string';
}

export function setAdminToken(token: string | undefined): void {
  adminToken.value = token;
  keep(ADMIN, token);
}

/** A session was opened by this page. */
export function rememberOwn(session: OwnSession): void {
  ownSessions.value = [...ownSessions.value, { id: session.id, token: session.token }].slice(-MOST);
  keep(OWN, JSON.stringify(ownSessions.value));
}

/** The daemon does not know it any more. */
export function forgetOwn(id: string): void {
  ownSessions.value = ownSessions.value.filter((one) => one.id !== id);
  keep(OWN, JSON.stringify(ownSessions.value));
}

/** Whether the page was called by a loopback address: the daemon tells those on its own machine more. */
export function isOnLoopback(host: string = location.hostname): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Whether the daemon's door to what concerns all sessions may be open to this page: else it is not knocked at. */
export function mayOversee(): boolean {
  return adminToken.value !== undefined || isOnLoopback();
}
