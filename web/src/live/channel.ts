import { exchange, type Fetch, RequestError } from '../api';
import type { Event } from '../generated/Event';
import type { FromPage } from '../generated/FromPage';
import type { SessionSummary } from '../generated/SessionSummary';
import type { ToPage } from '../generated/ToPage';
import { Backoff } from './backoff';
import { type ClockEstimate, ClockEstimator, type Exchange } from './clock';
import type { Outbox } from './outbox';

/** How the page and the daemon stand: by WebSocket, by single requests where WebSockets are blocked, not at all; or the session is not known. */
export type ChannelState = 'connecting' | 'live' | 'requests' | 'away' | 'gone' | 'closed';

/** Everything the channel needs from outside; tests put their own in. */
export interface ChannelOptions {
  session: { id: string; token: string; live: string };
  outbox: Outbox;
  /** The page's clock in microseconds. */
  now: () => number;
  /** The page clock's granularity in microseconds. */
  granularity: number;
  fetch: Fetch;
  openSocket: (path: string) => WebSocket;
  onState: (state: ChannelState) => void;
  onEvents: (events: Event[]) => void;
  onSession: (session: SessionSummary) => void;
  onClock: (estimate: ClockEstimate) => void;
  /** Everything else that the daemon says. */
  onMessage: (message: Exclude<ToPage, { type: 'pong' | 'events' | 'ack' | 'session' }>) => void;
}

/** Exchanges of a burst. */
const EXCHANGES = 5;
/** The first burst falls into the set-up, when the page is busy and its exchanges are slow. A second one soon after is better. */
const SETTLED_AFTER_MS = 250;
/** Often enough for a drift of 15 ppm to stay below 0.2 ms. */
const CLOCK_EVERY_MS = 10_000;
/** Events that arise together travel together. */
const FLUSH_AFTER_MS = 10;
/** Bytes of one message: well below the daemon's limits of a message and of a request's body. */
const BATCH = 24 * 1024;
/** How long a WebSocket may stay half open before single requests stand in for it: some proxies swallow the upgrade silently. */
const OPEN_WITHIN_MS = 3000;
/** How often messages go by single requests while there is no WebSocket. */
const ASK_EVERY_MS = 1000;
/** Close codes of the daemon's own (RFC 6455 §7.4.2) after which another WebSocket would end the same way. */
const FORGOTTEN = new Set([4401, 4404]);
const SESSION_OVER = 4410;

/** The live channel of one session: WebSocket first, single requests where there is none, and back. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #clock: ClockEstimator;
  readonly #backoff = new Backoff();
  #socket: WebSocket | undefined;
  #state: ChannelState = 'closed';
  /** The first event that the page has not got. */
  #next = 0;
  #exchangesLeft = 0;
  #asking = false;
  /** An estimate that the daemon has not been told. */
  #unsent: ClockEstimate | undefined;
  /** The daemon has been told one. */
  #told = false;
  #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#clock = new ClockEstimator(options.granularity);
  }

  /** Starts to connect; never waits. */
  open(): void {
    this.#become('connecting');
    this.#connect();
  }

  /** New events are in the outbox. */
  flushSoon(): void {
    if (!this.#timers.has('flush')) this.#after('flush', FLUSH_AFTER_MS, () => this.flush());
  }

  /** Sends what the outbox has, if there is a WebSocket. Without one the next request carries it. */
  flush(): void {
    const socket = this.#socket;
    if (socket === undefined || socket.readyState !== WebSocket.OPEN) return;
    for (;;) {
      const events = this.#options.outbox.take(BATCH);
      if (events.length === 0) return;
      this.#send({ type: 'events', events });
    }
  }

  /** The session ends: what is left goes out, also an estimate that waited for a better one. */
  finish(): void {
    if (this.#state === 'live') this.#tellClock();
    this.flush();
  }

  /** Ends it for good. */
  close(): void {
    this.#become('closed');
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#socket?.close(1000);
    this.#socket = undefined;
  }

  #connect(): void {
    const { session, outbox } = this.#options;
    const socket = this.#options.openSocket(session.live);
    this.#socket = socket;
    const ours = () => this.#socket === socket && this.#state !== 'closed';
    this.#after('open', OPEN_WITHIN_MS, () => this.#ask());
    socket.onopen = () => {
      if (!ours()) return;
      this.#stop('open');
      this.#stop('ask');
      this.#send({ type: 'hello', token: session.token, next: this.#next });
      outbox.rewind();
      this.flush();
      this.#measure(SETTLED_AFTER_MS);
      this.#become('live');
    };
    socket.onmessage = (message) => {
      if (ours()) this.#receive(message.data);
    };
    socket.onclose = (event) => {
      if (ours()) this.#broke(event.code);
    };
  }

  #broke(code: number): void {
    this.#socket = undefined;
    this.#stop('open');
    this.#stop('clock');
    this.#options.outbox.rewind();
    if (code === SESSION_OVER) this.close();
    else if (FORGOTTEN.has(code)) this.#become('gone');
    else this.#reconnect();
  }

  #reconnect(): void {
    if (this.#state === 'live') this.#become('connecting');
    this.#after('connect', this.#backoff.next(Math.random()), () => this.#connect());
    this.#ask();
  }

  #receive(data: unknown): void {
    const arrived = this.#options.now();
    const message = parse(data);
    if (message === undefined) return;
    // The daemon lets a page in and closes again at once if it does not know it: only a word from it counts as success.
    this.#backoff.reset();
    this.#take(message, arrived);
  }

  #take(message: ToPage, arrived: number): void {
    switch (message.type) {
      case 'pong':
        this.#exchanged({ ...message, arrived });
        break;
      case 'events':
        this.#takeEvents(message.events);
        break;
      case 'ack':
        this.#options.outbox.acknowledge(message.number);
        break;
      case 'session':
        this.#options.onSession(message.session);
        break;
      default:
        this.#options.onMessage(message);
    }
  }

  #takeEvents(events: Event[]): void {
    const fresh = events.filter((event) => event.sequence >= this.#next);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#next = last.sequence + 1;
    this.#options.onEvents(fresh);
  }

  #measure(nextAfter: number): void {
    this.#exchangesLeft = EXCHANGES;
    this.#send({ type: 'ping', sent: this.#options.now() });
    this.#after('clock', nextAfter, () => this.#measure(CLOCK_EVERY_MS));
  }

  #exchanged(times: Exchange): void {
    const estimate = this.#clock.add(times);
    this.#exchangesLeft -= 1;
    if (this.#state === 'live' && this.#exchangesLeft > 0) {
      this.#send({ type: 'ping', sent: this.#options.now() });
      return;
    }
    if (estimate === undefined) return;
    const first = !this.#told && this.#unsent === undefined;
    this.#unsent = estimate;
    this.#options.onClock(estimate);
    // The daemon places this page's first events by the first estimate that it is told: that may well wait for a good one.
    if (this.#state === 'live' && !first) this.#tellClock();
  }

  #tellClock(): void {
    if (this.#unsent === undefined) return;
    this.#send({ type: 'clock', ...this.#unsent });
    this.#unsent = undefined;
    this.#told = true;
  }

  #send(message: FromPage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  /** Single requests stand in, one at a time, until there is a WebSocket. */
  async #ask(): Promise<void> {
    if (this.#asking || this.#passive()) return;
    this.#asking = true;
    try {
      const { fetch, session } = this.#options;
      const answers = await exchange(fetch, session, this.#next, this.#letter());
      const arrived = this.#options.now();
      if (this.#passive()) return;
      for (const answer of answers) this.#take(answer, arrived);
      this.#become('requests');
    } catch (error) {
      if (this.#passive()) return;
      const status = error instanceof RequestError ? error.status : 0;
      this.#become(status === 404 || status === 410 || status === 401 ? 'gone' : 'away');
    } finally {
      this.#asking = false;
    }
    if (this.#state === 'gone') this.#stop('connect');
    // The first estimate is due at once: until then the daemon cannot place this page's events.
    else if (!this.#passive()) this.#after('ask', this.#unsent === undefined ? ASK_EVERY_MS : 0, () => this.#ask());
  }

  /** What the next request carries. */
  #letter(): FromPage[] {
    const { outbox, now } = this.#options;
    const letter: FromPage[] = [];
    outbox.rewind();
    const events = outbox.take(BATCH);
    if (events.length > 0) letter.push({ type: 'events', events });
    // A request either tells an estimate or makes the next one.
    if (this.#unsent !== undefined) {
      letter.push({ type: 'clock', ...this.#unsent });
      this.#unsent = undefined;
      this.#told = true;
    } else letter.push({ type: 'ping', sent: now() });
    return letter;
  }

  /** A WebSocket has come up meanwhile, or all is over. */
  #passive(): boolean {
    return this.#state === 'live' || this.#state === 'closed';
  }

  #become(state: ChannelState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #after(name: string, milliseconds: number, what: () => void): void {
    this.#stop(name);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      what();
    }, milliseconds);
    this.#timers.set(name, timer);
  }

  #stop(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

function parse(data: unknown): ToPage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    return JSON.parse(data) as ToPage;
  } catch {
    return undefined;
  }
}
