import { Backoff } from '../live/backoff';
import type { ChannelState } from '../live/channel';
import { Attempt, type AttemptHooks, type Stage } from '../rtc/attempt';
import { texts } from '../texts';
import { rememberOwn } from './access';
import { certificates, environment } from './environment';
import { latency } from './figures/view';
import { hold } from './hold';
import { takeProbes } from './probes';
import { connectionFailed, problemOf } from './problem';
import { clearSession, shown, store } from './store';

/** New sessions in a row that did not get as far as a picture, before the page stops trying by itself. */
const RESTARTS = 8;
/** Stages on the way to the first picture; at any other the view is up to date at once. */
const COMING_UP = new Set<Stage>(['opening', 'signalling', 'connecting', 'connected']);

/** Starts and stops the main session, and starts it anew when the daemon has come back. */
class Controller {
  #attempt: Attempt | undefined;
  #video: HTMLVideoElement | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarts = 0;
  readonly #backoff = new Backoff(500, 5000);

  /** Where the daemon's picture goes. */
  attach(video: HTMLVideoElement | null): void {
    this.#video = video ?? undefined;
  }

  /** The button. */
  toggle(): void {
    if (store.running.value) void this.stop();
    else this.start();
  }

  start(): void {
    this.#restarts = 0;
    this.#backoff.reset();
    shown.value = store.live;
    store.running.value = true;
    void this.#begin();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#rest('idle');
    await attempt?.stop();
  }

  /** The page is going away. */
  leave(): void {
    this.#attempt?.leave();
  }

  async #begin(why?: string): Promise<void> {
    const video = this.#video;
    if (video === undefined) return;
    clearSession();
    latency.clear();
    hold.begin();
    const { fetch, openSocket, granularity, certificate } = environment;
    // `?source=NAME` plays another source than the default one.
    const source = new URLSearchParams(location.search).get('source');
    const endpoint = source === null ? '/whep' : `/whep/${encodeURIComponent(source)}`;
    const attempt: Attempt = new Attempt(
      { endpoint, video, granularity, fetch, openSocket, certificate, later: (what) => hold.after(what) },
      this.#hooks(() => this.#attempt === attempt),
    );
    this.#attempt = attempt;
    if (why !== undefined) attempt.note('page.returned', texts.event.returned(why));
    try {
      await attempt.start();
    } catch (error) {
      if (this.#attempt !== attempt) return;
      store.unreachable.value = true;
      this.#again(texts.describe(error), false);
    }
  }

  /** Hooks that fall silent once another attempt has taken over. After a stop only the record goes on. */
  #hooks(current: () => boolean): AttemptHooks {
    const ifCurrent =
      <A extends unknown[]>(what: (...words: A) => void) =>
      (...words: A) => {
        if (current()) what(...words);
      };
    const id = () => store.sessionId.value;
    let ours: string | undefined;
    const ifShown =
      <A extends unknown[]>(what: (...words: A) => void) =>
      (...words: A) => {
        if (current() || (ours !== undefined && ours === id())) what(...words);
      };
    return {
      onOpened: ifCurrent((session) => {
        ours = session.id;
        rememberOwn(session);
        store.unreachable.value = false;
        store.sessionId.value = session.id;
        store.sessionKey.value = `${session.id}.${session.token}`;
      }),
      onStage: ifCurrent((stage, words) => this.#staged(stage, words)),
      onChannel: ifCurrent((state) => this.#channel(state)),
      onEvents: ifShown((events) => store.live.timeline.add(events)),
      onSession: ifShown((session) => {
        store.live.session.value = session;
      }),
      onClock: ifCurrent((clock) => {
        store.clock.value = clock;
      }),
      onPlugins: ifShown((plugins) => {
        store.plugins.value = plugins;
      }),
      onProbes: ifShown(takeProbes),
      onCreated: ifCurrent((created) => {
        hold.begin();
        store.times.value = { ...store.times.value, created };
      }),
      onDecoded: ifCurrent((firstDecoded) => {
        store.times.value = { ...store.times.value, firstDecoded };
      }),
      onFirstFrame: ifCurrent(({ at }) => {
        store.times.value = { ...store.times.value, firstFrame: at };
        this.#restarts = 0;
        this.#backoff.reset();
        store.stage.value = 'playing';
        hold.end();
        void certificates.prepare();
      }),
      onView: ifCurrent((view) => {
        store.connection.value = view;
      }),
      onPair: ifCurrent((pair) => {
        store.pair.value = pair;
      }),
      measured: () => (current() ? latency.measure() : {}),
      onFigures: ifCurrent((figures) => {
        store.figures.value = figures;
      }),
      onLocal: ifCurrent((candidate) => {
        store.local.value = [...store.local.value, candidate];
      }),
      onRemote: ifCurrent((candidates) => {
        store.remote.value = [...store.remote.value, ...candidates];
      }),
      onProblem: ifCurrent((error) => {
        store.problem.value = problemOf(error);
        const failed = this.#attempt;
        this.#attempt = undefined;
        this.#rest('failed');
        void failed?.stop();
      }),
    };
  }

  #staged(stage: Stage, words: string | undefined): void {
    // A frame that came once counts when the connection is back.
    const playing = stage === 'connected' && store.times.value.firstFrame !== undefined;
    store.stage.value = playing ? 'playing' : stage;
    store.words.value = words;
    if (!COMING_UP.has(stage)) hold.end();
    if (stage === 'failed') store.problem.value = connectionFailed(texts.stage.failed);
    if (stage !== 'closed') return;
    const code = store.live.session.value?.closed?.code;
    if (code === 'vanished') this.#again(words ?? '', true);
    else if (code !== 'shutting-down') {
      if (code === 'failed' || code === 'never-connected') store.problem.value = connectionFailed(words ?? '');
      this.#rest('closed');
    }
  }

  #channel(state: ChannelState): void {
    store.channel.value = state;
    if (state === 'gone') this.#again(texts.connection.channel.gone, true);
  }

  /** Begins a new session after a while. `counts` is false while the daemon does not answer at all: that may take as long as it takes. */
  #again(why: string, counts: boolean): void {
    const before = this.#attempt;
    this.#attempt = undefined;
    void before?.stop();
    if (counts) this.#restarts += 1;
    if (this.#restarts > RESTARTS) {
      store.problem.value = { title: texts.problem.title, message: texts.problem.repeated, next: '' };
      this.#rest('closed');
      return;
    }
    store.stage.value = 'opening';
    store.words.value = why;
    hold.end();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#begin(why), this.#backoff.next(Math.random()));
  }

  #rest(stage: 'idle' | 'failed' | 'closed'): void {
    store.running.value = false;
    store.unreachable.value = false;
    store.channel.value = 'closed';
    store.stage.value = stage;
    if (stage === 'idle') store.words.value = undefined;
    hold.end();
  }
}

export const controller = new Controller();
