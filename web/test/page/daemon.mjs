// A stand-in for the daemon, for tests of the page alone: the built page, the API and the live channel, served by Playwright's routes.
// The media come from a second page (peer.mjs), so that a real connection is made.
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { RUN } from './probes.mjs';

export const ORIGIN = 'http://localhost:8085';
const DIST = new URL('../../dist/', import.meta.url);
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
/** As the daemon sends it (DESIGN §7). */
const POLICY = "default-src 'self'";

const CLOSED = { code: 'unauthorized', message: 'probes are for the daemon’s own machine' };

const UNREADABLE = { code: 'unauthorized', message: 'the session opens with its own token' };

function tokenOf(route) {
  return /^Bearer (.*)$/.exec(route.request().headers().authorization ?? '')?.[1];
}

/** Emits `hello` when a live channel is open. */
export class FakeDaemon extends EventEmitter {
  /** Requests that came, as `METHOD path`, with their bodies. */
  requests = [];
  plugins = [];
  /** As GET /api/probes tells them; undefined: its door is closed to this page. */
  probes = [];
  /** Set to have the next POST to /whep answered with it. */
  refuse = undefined;
  /** The page is on the daemon's own machine. */
  isLocal = true;
  adminToken = 'an-admin-token';
  /** No request is answered. */
  away = false;
  /** The test has ended. */
  over = false;
  /** WebSockets are refused. */
  noSockets = false;
  #sessions = new Map();
  #opened = 0;
  #peer;

  constructor(peer) {
    super();
    this.#peer = peer;
  }

  async install(page, origin = ORIGIN) {
    await page.routeWebSocket(/\/live$/, (socket) => this.#live(socket));
    await page.route(`${origin}/**`, (route) =>
      this.#route(route).catch((error) => {
        // A request of the page's last moment finds the peer's page closed.
        if (!this.over) throw error;
      }),
    );
  }

  get session() {
    return [...this.#sessions.values()].at(-1);
  }

  /** Forgets all sessions, as a restart does. */
  restart() {
    for (const session of this.#sessions.values()) session.socket?.close();
    this.#sessions.clear();
  }

  /** Breaks the live channel. */
  breakSockets() {
    for (const session of this.#sessions.values()) session.socket?.close();
  }

  /** An event of the daemon's own. */
  saw(event, session = this.session) {
    const full = {
      sequence: session.events.length,
      time: Math.round((performance.now() - session.opened) * 1000),
      uncertainty: 0,
      seenBy: 'daemon',
      from: 'peer',
      to: 'peer',
      evidence: 'api',
      level: 'info',
      summary: '',
      attributes: {},
      ...event,
    };
    session.events.push(full);
    this.#say(session, { type: 'events', events: [full] });
  }

  /** Events of a record, with the times that they have there. */
  sawAll(events, session = this.session) {
    const first = session.events.length;
    const numbered = events.map((event, index) => ({ ...event, sequence: first + index }));
    session.events.push(...numbered);
    this.#say(session, { type: 'events', events: numbered });
  }

  tellPlugins(plugins) {
    this.plugins = plugins;
    for (const session of this.#sessions.values()) this.#say(session, { type: 'plugins', plugins });
  }

  tellProbes(probes) {
    this.probes = probes;
    const heads = probes.map((probe) => ({ ...probe, run: probe.run && { ...probe.run, steps: [] } }));
    for (const session of this.#sessions.values()) this.#say(session, { type: 'probes', probes: heads });
  }

  tellSteps(instance, run, first, steps) {
    for (const session of this.#sessions.values()) {
      this.#say(session, { type: 'probe-steps', instance, run, first, steps });
    }
  }

  tellSession(part, session = this.session) {
    Object.assign(session.summary, part);
    this.#say(session, { type: 'session', session: session.summary });
  }

  #say(session, message) {
    session.socket?.send(JSON.stringify(message));
  }

  #keep(session, events) {
    session.held.push(...events);
    session.kept = Math.max(session.kept, ...events.map((event) => event.number));
    this.#place(session);
  }

  /** Puts the browser's events on the session's axis; without a clock they wait, as in the daemon. */
  #place(session) {
    if (session.clock === undefined) return;
    const { held } = session;
    session.held = [];
    for (const { number, ...event } of held) {
      if (number <= session.placed) continue;
      session.placed = number;
      session.numbers.push(number);
      this.saw(
        {
          ...event,
          seenBy: 'browser',
          time: event.time + session.clock.offset,
          uncertainty: session.clock.uncertainty,
        },
        session,
      );
    }
  }

  #live(socket) {
    const id = new URL(socket.url()).pathname.split('/')[3];
    const session = this.#sessions.get(id);
    if (session === undefined || this.noSockets || this.away) {
      socket.close();
      return;
    }
    const now = () => Math.round((performance.now() - session.opened) * 1000);
    socket.onMessage((data) => {
      const received = now();
      const message = JSON.parse(data);
      if (message.type === 'hello') {
        session.socket = socket;
        session.hellos.push(message);
        this.#say(session, { type: 'events', events: session.events.slice(message.next) });
        this.#say(session, { type: 'session', session: session.summary });
        this.#say(session, { type: 'plugins', plugins: this.plugins });
        this.emit('hello');
      } else if (message.type === 'ping') {
        this.#say(session, { type: 'pong', sent: message.sent, received, answered: now() });
      } else if (message.type === 'clock') {
        session.clock = message;
        this.#place(session);
      } else if (message.type === 'events') {
        this.#keep(session, message.events);
        this.#say(session, { type: 'ack', number: session.kept });
      }
    });
    socket.onClose(() => {
      if (session.socket === socket) session.socket = undefined;
    });
  }

  /** The live channel's stand-in: messages in, answers out. */
  #exchange(session, messages, next) {
    const now = () => Math.round((performance.now() - session.opened) * 1000);
    const answers = [];
    for (const message of messages) {
      if (message.type === 'ping') answers.push({ type: 'pong', sent: message.sent, received: now(), answered: now() });
      else if (message.type === 'clock') {
        session.clock = message;
        this.#place(session);
      } else if (message.type === 'events') {
        this.#keep(session, message.events);
        answers.push({ type: 'ack', number: session.kept });
      }
    }
    answers.push({ type: 'session', session: session.summary }, { type: 'events', events: session.events.slice(next) });
    return answers;
  }

  async #route(route) {
    if (this.away) return route.abort('connectionrefused');
    const request = route.request();
    const { pathname, searchParams: query } = new URL(request.url());
    const body = request.postData() ?? '';
    const method = request.method();
    if (pathname.startsWith('/api/')) return this.#api(route, method, pathname, body, query);
    if (/^\/(whep|whip)/.test(pathname)) return this.#signal(route, method, pathname, body);
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    return route.fulfill({
      body: readFileSync(new URL(name, DIST)),
      contentType: TYPES[extname(name)],
      headers: { 'Content-Security-Policy': POLICY },
    });
  }

  #api(route, method, pathname, body, query) {
    this.requests.push(`${method} ${pathname}`);
    if (pathname === '/api/plugins') return route.fulfill({ json: { plugins: this.plugins } });
    if (pathname === '/api/probes' && this.probes === undefined) return route.fulfill({ status: 401, json: CLOSED });
    if (pathname === '/api/probes') return route.fulfill({ json: { probes: this.probes } });
    if (pathname.startsWith('/api/probes/')) return this.#run(route, pathname.split('/')[3]);
    const [, , , id, what] = pathname.split('/');
    if (id === undefined && method === 'GET') return this.#list(route);
    if (id === undefined) return route.fulfill({ status: 201, json: this.#open() });
    const session = this.#sessions.get(id);
    if (session === undefined) {
      return route.fulfill({
        status: 404,
        json: { code: 'unknown-session', message: 'the session is over or never was' },
      });
    }
    if (!this.#mayRead(route, session)) return route.fulfill({ status: 401, json: UNREADABLE });
    if (what === 'share') return route.fulfill({ json: { id, key: `key-${id}` } });
    if (what === 'events') {
      return route.fulfill({ json: this.#exchange(session, JSON.parse(body), Number(query.get('next'))) });
    }
    const redacted = query.get('redact') === 'true';
    const { summary, events, reports = [] } = session;
    const head = { ...summary, events: events.length };
    return route.fulfill({ json: { format: 'icescope.session/1', redacted, session: head, events, reports } });
  }

  /** A session that was before the page. */
  remember({ session: summary, events, reports }) {
    this.#sessions.set(summary.id, {
      ...{ id: summary.id, summary, events, reports, hellos: [], kept: 0, placed: 0, held: [], numbers: [] },
      ...{ clock: undefined, opened: performance.now(), socket: undefined },
    });
  }

  /** Forgets one. */
  forget(id) {
    this.#sessions.delete(id);
  }

  #list(route) {
    const token = tokenOf(route);
    const open = token === undefined ? this.isLocal : token === this.adminToken;
    if (!open) return route.fulfill({ status: 401, json: { code: 'unauthorized', message: 'not for this page' } });
    const heads = [...this.#sessions.values()].map(({ summary, events }) => ({ ...summary, events: events.length }));
    return route.fulfill({ json: heads });
  }

  #mayRead(route, { id }) {
    const token = tokenOf(route);
    if (token === undefined) return this.isLocal;
    return [this.adminToken, `token-${id}`, `key-${id}`].includes(token);
  }

  #run(route, instance) {
    const probe = this.probes.find((one) => one.instance === instance);
    if (probe.run?.duration === null) {
      const message = `the probe «${instance}» runs already (run ${probe.run.id}): wait for its end`;
      return route.fulfill({ status: 409, json: { code: 'probe-running', message } });
    }
    const run = { ...RUN, id: (probe.run?.id ?? 0) + 1 };
    this.probes = this.probes.map((one) => (one === probe ? { ...probe, run } : one));
    return route.fulfill({ status: 202, json: { instance, run: run.id } });
  }

  #open() {
    this.#opened += 1;
    const id = `session${this.#opened}`;
    const summary = {
      id,
      openedUnixMs: Date.now(),
      state: 'new',
      closed: null,
      events: 0,
      eventsDropped: 0,
      uplink: null,
    };
    this.#sessions.set(id, {
      id,
      summary,
      events: [],
      hellos: [],
      kept: 0,
      placed: 0,
      held: [],
      numbers: [],
      clock: undefined,
      opened: performance.now(),
      socket: undefined,
    });
    return { id, token: `token-${id}`, ice_servers: [], live: `/api/sessions/${id}/live` };
  }

  async #signal(route, method, pathname, body) {
    this.requests.push(`${method} ${pathname}`);
    if (method === 'DELETE') {
      if (this.session === undefined) return route.fulfill({ status: 404 });
      this.tellSession({
        state: 'closed',
        closed: { code: 'deleted', reason: 'the client ended the session (DELETE)' },
      });
      return route.fulfill({ status: 200 });
    }
    if (method === 'PATCH') {
      for (const [, candidate] of body.matchAll(/^a=(candidate:.*)$/gm)) {
        await this.#peer.evaluate((line) => window.trickle(line), candidate.trim());
      }
      return route.fulfill({ status: 204 });
    }
    const refusal = this.refuse;
    if (refusal !== undefined) {
      this.refuse = undefined;
      return route.fulfill(refusal);
    }
    const sdp = await this.#peer.evaluate((offer) => window.answer(offer), body);
    return route.fulfill({
      status: 201,
      body: sdp,
      headers: {
        'Content-Type': 'application/sdp',
        Location: `${pathname}/sessions/abc`,
        ETag: '"1"',
      },
    });
  }
}
