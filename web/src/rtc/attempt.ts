import { type Fetch, openSession, type ProbeNews, RequestError } from '../api';
import type { Event } from '../generated/Event';
import type { PluginStatus } from '../generated/PluginStatus';
import type { SessionOpened } from '../generated/SessionOpened';
import type { SessionSummary } from '../generated/SessionSummary';
import { Channel, type ChannelState } from '../live/channel';
import type { ClockEstimate } from '../live/clock';
import { Outbox } from '../live/outbox';
import { texts } from '../texts';
import type { Candidate } from './candidate';
import { Link, type LinkHooks } from './link';
import { MappingTest } from './mapping-test';
import { pageTime, type Recorder, recorder } from './recorder';
import { pageFacts, type Surroundings, watchSurroundings } from './surroundings';

/** What becomes of an attempt, from opening the session to its end. */
export type Stage =
  | 'opening'
  | 'waiting'
  | 'signalling'
  | 'connecting'
  | 'connected'
  | 'playing'
  | 'disconnected'
  /** The browser has called ICE failed, and the daemon still waits for a path. */
  | 'late'
  | 'failed'
  | 'closed';

/** Whom to tell. */
export interface AttemptHooks extends Omit<LinkHooks, 'onStage' | 'record'> {
  onStage: (stage: Stage, words?: string) => void;
  onChannel: (state: ChannelState) => void;
  onOpened: (session: SessionOpened) => void;
  onEvents: (events: Event[]) => void;
  onSession: (session: SessionSummary) => void;
  onClock: (estimate: ClockEstimate) => void;
  onPlugins: (plugins: PluginStatus[]) => void;
  onProbes: (news: ProbeNews) => void;
  onRemote: (candidates: Candidate[]) => void;
  /** It is over and will not come back; the error says why. */
  onProblem: (error: unknown) => void;
}

/** What an attempt is to do. */
export interface AttemptOptions {
  /** `/whep`, `/whep/{source}` or `/whip`. */
  endpoint: string;
  /** Where the daemon's picture is shown; an attempt without it sends. */
  video?: HTMLVideoElement;
  /** What is sent; an attempt without it receives. */
  stream?: MediaStream;
  /** The page clock's granularity in microseconds. */
  granularity: number;
  fetch: Fetch;
  openSocket: (path: string) => WebSocket;
  /** A certificate that was made ahead; without one the browser makes its own. */
  certificate: () => RTCCertificate | undefined;
  /** Does something once a set-up, which it would slow, is over or has taken long enough. */
  later: (what: () => void) => void;
}

/** How long the channel stays open after a stop for the daemon's last words. */
const LAST_WORDS_MS = 2000;
/** How often a busy daemon is asked again: a source that needs longer than this has failed. */
const TRIES = 20;

/** One session: opened, with its live channel and its connection, until it is stopped. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #hooks: AttemptHooks;
  readonly #outbox = new Outbox();
  readonly #record: Recorder;
  readonly #stop = new AbortController();
  #channel: Channel | undefined;
  #link: Link | undefined;
  #mapping: MappingTest | undefined;
  readonly #surroundings: Surroundings = { window, document, navigator: navigator as Surroundings['navigator'] };

  constructor(options: AttemptOptions, hooks: AttemptHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#record = recorder(this.#outbox, () => this.#channel?.flushSoon());
  }

  /** Runs until the connection is under way. Failures go to `onProblem`; a daemon that does not answer is thrown as `RequestError` with status 0. */
  async start(): Promise<void> {
    const stopped = this.#stop.signal;
    try {
      pageFacts(this.#surroundings, this.#record);
      this.#hooks.onStage('opening');
      const session = await this.#patiently(() => openSession(this.#options.fetch));
      if (stopped.aborted) return;
      this.#hooks.onOpened(session);
      // The channel comes up beside the offer; the offer does not wait for it.
      this.#channel = this.#openChannel(session);
      this.#channel.open();
      this.#hooks.onStage('signalling');
      this.#link = new Link(session, this.#options, {
        ...this.#hooks,
        record: this.#record,
        onStage: (stage) => this.#hooks.onStage(stage),
      });
      const link = this.#link;
      this.#lookAround(session);
      await link.describe();
      await this.#patiently(() => link.signal());
    } catch (error) {
      if (stopped.aborted) return;
      this.#record({ kind: 'page.error', level: 'error', summary: texts.describe(error) });
      if (error instanceof RequestError && error.status === 0 && this.#channel === undefined) throw error;
      this.#hooks.onStage('failed');
      this.#hooks.onProblem(error);
    }
  }

  /** Ends the session, says so to the daemon and stays for its last words. */
  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#mapping?.stop();
    this.#record({ kind: 'page.stopped', summary: texts.event.stopped });
    this.#channel?.finish();
    setTimeout(() => this.#channel?.close(), LAST_WORDS_MS);
    await this.#link?.close().catch(() => {
      // The daemon ends a session whose browser has gone by itself.
    });
  }

  /** The page is going away: one last request that outlives it. */
  leave(): void {
    this.#stop.abort();
    this.#mapping?.stop();
    this.#channel?.finish();
    this.#link?.leave();
    this.#channel?.close();
  }

  /** Writes something into the session's record. */
  note(kind: string, summary: string, attributes: Record<string, unknown> = {}): void {
    this.#record({ kind, summary, attributes, level: 'warn' });
  }

  /** What is not needed for the set-up is found out after it. */
  #lookAround(session: SessionOpened): void {
    const { later, stream } = this.#options;
    later(() => {
      if (this.#stop.signal.aborted) return;
      watchSurroundings(this.#surroundings, this.#record, this.#stop.signal);
      // The NAT is the same for what this browser sends: that session's record need not say it again.
      if (stream !== undefined) return;
      this.#mapping = new MappingTest(session.ice_servers, this.#record);
      this.#mapping.start();
    });
  }

  #openChannel(session: SessionOpened): Channel {
    const hooks = this.#hooks;
    return new Channel({
      session,
      outbox: this.#outbox,
      now: pageTime,
      granularity: this.#options.granularity,
      fetch: this.#options.fetch,
      openSocket: this.#options.openSocket,
      onState: hooks.onChannel,
      onEvents: hooks.onEvents,
      onClock: hooks.onClock,
      onSession: (summary) => {
        hooks.onSession(summary);
        this.#sessionClosed(summary);
      },
      onMessage: (message) => {
        if (message.type === 'candidate') this.#link?.remoteCandidate(message.candidate, message.usernameFragment);
        else if (message.type === 'plugins') hooks.onPlugins(message.plugins);
        else if (message.type === 'probes' || message.type === 'probe-steps') hooks.onProbes(message);
        else if (message.type === 'error')
          this.#record({ kind: 'page.error', level: 'warn', summary: message.message });
      },
    });
  }

  #sessionClosed(summary: SessionSummary): void {
    if (summary.closed === null) return;
    if (this.#stop.signal.aborted) {
      this.#channel?.close();
      return;
    }
    this.#link?.end();
    this.#hooks.onStage('closed', summary.closed.reason);
    // A daemon that stops closes the channel itself; its return is noticed there.
    if (summary.closed.code === 'shutting-down') return;
    this.#stop.abort();
    this.#mapping?.stop();
    setTimeout(() => this.#channel?.close(), LAST_WORDS_MS);
  }

  /** Asks again as long as the daemon says when (Retry-After: a source that starts, all sessions taken, too many requests). */
  async #patiently<T>(what: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await what();
      } catch (error) {
        const wait = error instanceof RequestError ? error.retryAfter : undefined;
        if (wait === undefined || tries >= TRIES || this.#stop.signal.aborted) throw error;
        this.#hooks.onStage('waiting', texts.describe(error));
        await pause(wait, this.#stop.signal);
      }
    }
  }
}

/** Waits; a stop ends the wait early. */
function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    stop.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
