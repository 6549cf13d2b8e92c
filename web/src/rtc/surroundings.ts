import { texts } from '../texts';
import { type ClientHints, fromClientHints, fromUserAgent } from './browser';
import { known, type Recorder } from './recorder';

/**
 * Permissions that a connection may depend on. Chromium asks before a page of the internet may reach local addresses (Local Network
 * Access): first under one name, since version 145 under two. A name that a browser does not know is «unknown», not «denied».
 */
const PERMISSIONS = ['camera', 'microphone', 'local-network-access', 'local-network', 'loopback-network'];

/** What the page's surroundings are known by; a test puts its own in. */
export interface Surroundings {
  window: Pick<Window, 'addEventListener' | 'isSecureContext' | 'location'>;
  document: Pick<Document, 'addEventListener' | 'visibilityState'>;
  navigator: Pick<Navigator, 'userAgent' | 'language' | 'onLine'> & {
    mediaDevices?: unknown;
    permissions?: { query: (descriptor: { name: PermissionName }) => Promise<PermissionStatus> };
    connection?: NetworkInformation;
    userAgentData?: ClientHints;
  };
}

/** Network Information API; Chromium alone has it, and `type` on phones only. */
interface NetworkInformation extends EventTarget {
  type?: string;
  effectiveType?: string;
  rtt?: number;
  downlink?: number;
  saveData?: boolean;
}

/** Records what is known at once: it costs no time. */
export function pageFacts({ window, navigator, document }: Surroundings, record: Recorder): void {
  const { isSecureContext, location } = window;
  record({
    kind: 'page.secure_context',
    summary: texts.event.secureContext(isSecureContext),
    attributes: { isSecureContext, origin: location.origin, mediaDevices: navigator.mediaDevices !== undefined },
  });
  const { userAgent, language, onLine } = navigator;
  record({
    kind: 'page.user_agent',
    summary: userAgent,
    attributes: {
      ...{ userAgent, language, onLine, visibilityState: document.visibilityState },
      ...fromUserAgent(userAgent),
    },
  });
}

/** Records what must be asked for, and from then on what changes, until `stopped`. */
export function watchSurroundings(surroundings: Surroundings, record: Recorder, stopped: AbortSignal): void {
  const { window, document, navigator } = surroundings;
  const until = { signal: stopped };
  const online = () =>
    record({
      kind: 'page.online',
      level: navigator.onLine ? 'info' : 'warn',
      summary: texts.event.online(navigator.onLine),
      attributes: { onLine: navigator.onLine },
    });
  window.addEventListener('online', online, until);
  window.addEventListener('offline', online, until);
  document.addEventListener(
    'visibilitychange',
    () =>
      record({
        kind: 'page.visibility',
        summary: texts.event.visibility(document.visibilityState),
        attributes: { visibilityState: document.visibilityState },
      }),
    until,
  );
  watchNetwork(navigator.connection, record, until);
  const live: Recorder = (note) => {
    if (!stopped.aborted) record(note);
  };
  void tellBrowser(navigator.userAgentData, live);
  void askPermissions(navigator.permissions, live, until);
}

function watchNetwork(
  connection: NetworkInformation | undefined,
  record: Recorder,
  until: AddEventListenerOptions,
): void {
  if (connection === undefined) return;
  const tell = () => {
    const { type, effectiveType, rtt, downlink, saveData } = connection;
    record({
      kind: 'page.network',
      summary: texts.event.network(type, effectiveType),
      attributes: known({ type, effectiveType, rtt, downlink, saveData }),
    });
  };
  tell();
  connection.addEventListener('change', tell, until);
}

async function tellBrowser(hints: ClientHints | undefined, record: Recorder): Promise<void> {
  // Refused by a permissions policy: the user agent's string has been told.
  const facts = await fromClientHints(hints).catch(() => undefined);
  if (facts === undefined) return;
  record({ kind: 'page.browser', summary: texts.event.browser(facts), attributes: known({ ...facts }) });
}

async function askPermissions(
  permissions: Surroundings['navigator']['permissions'],
  record: Recorder,
  until: AddEventListenerOptions,
): Promise<void> {
  const states: Record<string, string> = {};
  const ask = async (name: string) => {
    try {
      const status = await permissions?.query({ name: name as PermissionName });
      states[name] = status?.state ?? 'unknown';
      status?.addEventListener(
        'change',
        () => {
          states[name] = status.state;
          tell();
        },
        until,
      );
    } catch {
      states[name] = 'unknown';
    }
  };
  const tell = () =>
    record({
      kind: 'page.permissions',
      level: isDenied(states) ? 'warn' : 'info',
      summary: texts.event.permissions(states),
      attributes: { ...states },
    });
  await Promise.all(PERMISSIONS.map(ask));
  tell();
}

/** A denied camera stops nothing that is received. */
function isDenied(states: Record<string, string>): boolean {
  return Object.entries(states).some(([name, state]) => name.includes('network') && state === 'denied');
}
