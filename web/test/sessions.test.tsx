import { render } from 'preact';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../src/generated/Event';
import type { SessionSummary } from '../src/generated/SessionSummary';
import { isOnLoopback, ownSessions, rememberOwn, setAdminToken } from '../src/state/access';
import { environment } from '../src/state/environment';
import { nameOf, timelineText } from '../src/state/export';
import { readRecordDocument } from '../src/state/import/record';
import { backToLive, openImported, openRemembered, readingKey } from '../src/state/open';
import { past, readPast } from '../src/state/past';
import { linkTo, readLink } from '../src/state/share';
import { isGrowing, isLive, store } from '../src/state/store';
import { Banner } from '../src/view/sessions/banner';
import { SessionList } from '../src/view/sessions/list';
import OLD from './records/old-export.json?raw';

const OLD_RECORD = JSON.parse(OLD) as { session: SessionSummary; events: Event[] };
const HEAD: SessionSummary = {
  ...{ id: 'a'.repeat(32), openedUnixMs: 1_700_000_000_000, state: 'closed', closed: null, ended: null },
  ...{ events: 3, eventsDropped: 0, uplink: null, verdict: null },
};
const EVENT: Event = {
  ...{ sequence: 0, time: 0, uncertainty: 0, seenBy: 'browser', from: 'web', to: 'web', kind: 'page.error' },
  ...{ evidence: 'api', level: 'info', summary: 'an event', attributes: {} },
};

/** What the daemon answers, by method and path; the requests that came. */
function daemon(answers: Record<string, unknown>) {
  const asked: { what: string; token: string | null }[] = [];
  environment.fetch = (async (input: RequestInfo | URL, init: RequestInit = {}) => {
    const what = `${init.method ?? 'GET'} ${String(input)}`;
    asked.push({ what, token: new Headers(init.headers).get('Authorization') });
    const answer = answers[what];
    if (answer === 401) return Response.json({ code: 'unauthorized', message: 'no' }, { status: 401 });
    if (answer === undefined) return Response.json({ code: 'unknown-session', message: 'no' }, { status: 404 });
    return Response.json(answer);
  }) as typeof fetch;
  return asked;
}

beforeEach(() => {
  sessionStorage.clear();
  setAdminToken(undefined);
  ownSessions.value = [];
  past.sessions.value = [];
  past.problem.value = undefined;
  store.running.value = false;
});
afterEach(() => {
  backToLive();
  vi.useRealTimers();
});

describe('the session that is shown', () => {
  const record = readRecordDocument(OLD_RECORD);

  test('takes the place of the own one, which goes on by itself', () => {
    store.live.timeline.add([EVENT]);
    store.running.value = true;
    openImported('a.json', 'icescope', record);
    expect(isLive.value).toBe(false);
    expect(store.timeline.events).toHaveLength(17);
    expect(store.session.value?.verdict?.cause).toBe('A7');
    store.live.timeline.add([{ ...EVENT, sequence: 1 }]);
    expect(store.timeline.events).toHaveLength(17);
    expect(isGrowing.value, 'an imported session is over, whatever runs').toBe(false);
    backToLive();
    expect(store.timeline.events).toHaveLength(2);
    expect(isGrowing.value).toBe(true);
    store.live.timeline.clear();
  });

  test('is named by the banner, with what is special about it', () => {
    const root = document.createElement('div');
    openImported('dump.txt', 'webrtc-internals', { ...record, redacted: true });
    render(<Banner />, root);
    expect(root.textContent).toMatch(/Not live.*dump\.txt.*one end only.*pseudonyms.*Back/);
  });
});

describe('the list', () => {
  test('is asked for only where the door may be open; elsewhere the own sessions are', async () => {
    rememberOwn({ id: 'own', token: 'secret' });
    vi.stubGlobal('location', { hostname: 'robot.example', hash: '', pathname: '/', search: '' });
    const next = Number.MAX_SAFE_INTEGER;
    const asked = daemon({
      [`POST /api/sessions/own/events?next=${next}`]: [{ type: 'session', session: { ...HEAD, id: 'own' } }],
    });
    await readPast();
    expect(asked).toEqual([{ what: `POST /api/sessions/own/events?next=${next}`, token: 'Bearer secret' }]);
    expect(past.sessions.value.map(({ id }) => id)).toEqual(['own']);
    expect(past.scope.value).toBe('own');
    daemon({});
    await readPast();
    expect(past.sessions.value, 'what the daemon has forgotten is not listed').toEqual([]);
    expect(ownSessions.value).toEqual([]);
    vi.unstubAllGlobals();
  });

  test('is newest first, and drawn with outcome, path or cause, and length', async () => {
    const verdict = OLD_RECORD.session.verdict;
    const path = {
      kind: 'direct',
      localCandidateType: 'host',
      remoteCandidateType: 'srflx',
      protocol: 'udp',
      family: 'ipv4',
    };
    daemon({
      'GET /api/sessions': [
        { ...HEAD, id: 'failed', verdict, closed: { code: 'deleted', reason: 'x' }, ended: 65_000_000 },
        { ...HEAD, id: 'good', openedUnixMs: 1_700_000_100_000, verdict: { ...verdict, outcome: 'connected', path } },
      ],
    });
    await readPast();
    const root = document.createElement('div');
    render(<SessionList />, root);
    const rows = [...root.querySelectorAll('tbody tr')];
    expect(rows.map((row) => (row as HTMLElement).dataset.session)).toEqual(['good', 'failed']);
    expect(rows[0]?.textContent).toContain('direct, srflx – host, UDP, ipv4');
    expect(rows[0]?.textContent).toContain('under way');
    expect(rows[1]?.textContent).toContain('A7: The daemon refused');
    expect(rows[1]?.textContent).toContain('1 min 5 s');
  });

  test('a token that the daemon does not take is forgotten, and what is open without it is shown', async () => {
    setAdminToken('wrong');
    environment.fetch = (async (_: RequestInfo | URL, init: RequestInit = {}) => {
      const token = new Headers(init.headers).get('Authorization');
      return token === null
        ? Response.json([HEAD])
        : Response.json({ code: 'unauthorized', message: '' }, { status: 401 });
    }) as typeof fetch;
    await readPast();
    expect(sessionStorage.getItem('icescope-admin-token')).toBeNull();
    expect(past.sessions.value).toHaveLength(1);
  });
});

describe('what opens a session', () => {
  test('is a link’s key before its own token before an admin’s', async () => {
    setAdminToken('admin');
    expect(readingKey('linked')).toBe('admin');
    rememberOwn({ id: 'linked', token: 'own' });
    expect(readingKey('linked')).toBe('own');
    const asked = daemon({
      'GET /api/sessions/linked': { ...OLD_RECORD, session: { ...OLD_RECORD.session, id: 'linked' } },
    });
    await openRemembered('linked', 'key');
    expect(asked[0]).toEqual({ what: 'GET /api/sessions/linked', token: 'Bearer key' });
    expect(store.session.value?.id).toBe('linked');
  });

  test.each([
    ['localhost', true],
    ['a.localhost', true],
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['[::1]', true],
    ['192.0.2.1', false],
    ['localhost.example', false],
    ['127.0.0.1.example', false],
  ])('%s is on the daemon’s machine: %s', (host, is) => expect(isOnLoopback(host)).toBe(is));

  test('keeps as many of its own as the daemon remembers', () => {
    for (let index = 0; index < 40; index += 1) rememberOwn({ id: `${index}`, token: 't' });
    expect(ownSessions.value).toHaveLength(32);
    expect(ownSessions.value[0]?.id).toBe('8');
    expect(JSON.parse(sessionStorage.getItem('icescope-sessions') ?? '')).toHaveLength(32);
  });
});

describe('a link', () => {
  test('survives its way through an address', () => {
    const link = { session: 'ab12', key: 'a+b/c=&#' };
    const address = linkTo(link, 'http://robot.example:8085/');
    expect(address).toMatch(/^http:\/\/robot\.example:8085\/#session=ab12&key=/);
    expect(readLink(new URL(address).hash)).toEqual(link);
  });

  test.each(['', '#', '#timeline', '#session=1', '#key=1'])('«%s» is none', (hash) =>
    expect(readLink(hash)).toBeUndefined(),
  );
});

describe('the timeline as text', () => {
  const events: Event[] = [
    {
      ...EVENT,
      sequence: 1,
      time: 1_234_567,
      from: 'stun',
      to: 'web',
      kind: 'ice.candidate',
      summary: 'two\nlines',
      uncertainty: 1200,
    },
    EVENT,
  ];
  const lines = timelineText({ ...HEAD, verdict: OLD_RECORD.session.verdict }, events).split('\n');

  test('has a line for each event in order of time, in digits that programs read', () => {
    const rows = lines.filter((line) => /^ *-?[\d.]+ /.test(line));
    expect(rows).toHaveLength(2);
    expect(rows[0]?.trim()).toMatch(/^0\.000\s+browser\s+api\s+browser\s+page\.error\s+an event$/);
    expect(rows[1]?.trim()).toMatch(
      /^1234\.567 ±1\.2\s+Δ \+1234\.567\s+browser\s+api\s+STUN → browser\s+ice\.candidate\s+two lines$/,
    );
  });

  test('begins with the session and its verdict', () => {
    expect(lines[0]).toContain(HEAD.id);
    expect(lines[1]).toContain('The daemon refused');
  });

  test('is named after the session, without anything that a file’s name cannot have', () => {
    expect(nameOf({ ...HEAD, id: '../x y' }, true)).toBe('icescope-2023-11-14-221320-xy-redacted');
  });
});
