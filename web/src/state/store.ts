import { computed, type Signal, signal } from '@preact/signals';
import type { PluginStatus } from '../generated/PluginStatus';
import type { SessionSummary } from '../generated/SessionSummary';
import type { ChannelState } from '../live/channel';
import type { ClockEstimate } from '../live/clock';
import type { Stage } from '../rtc/attempt';
import type { Candidate } from '../rtc/candidate';
import type { ConnectionView } from '../rtc/observe';
import type { SelectedPair, VideoFigures } from '../rtc/stats';
import { hold } from './hold';
import { ShownSession } from './shown';
import type { Timeline } from './timeline';

/** What went wrong, and what to do. */
export interface Problem {
  title: string;
  message: string;
  next: string;
}

/** Milestones in milliseconds of `performance.now()`. */
export interface Times {
  /** Just before `new RTCPeerConnection`. */
  created: number | undefined;
  /** The video element had its first frame's data. */
  firstDecoded: number | undefined;
  /** The first frame was presented (requestVideoFrameCallback). */
  firstFrame: number | undefined;
}

export const NO_TIMES: Times = { created: undefined, firstDecoded: undefined, firstFrame: undefined };

/** The page's own session: what runs, and what is left of it afterwards. */
const live = new ShownSession({ kind: 'live' }, hold);
/** The session that the views show. To show another one does not disturb the own one. */
export const shown = signal<ShownSession>(live);
/** Whether that is the page's own. */
export const isLive = computed(() => shown.value === live);

/** Everything that the page shows. What has no word of its own for it is of the page's own session. */
export const store = {
  live,
  /** The events of the session that is shown. */
  get timeline(): Timeline {
    return shown.value.timeline;
  },
  /** The head of the session that is shown. */
  get session(): Signal<SessionSummary | undefined> {
    return shown.value.session;
  },
  /** The attempt's own stage; `idle` before and after. */
  stage: signal<Stage | 'idle'>('idle'),
  /** The daemon's words for the stage, where it has some. */
  words: signal<string | undefined>(undefined),
  running: signal(false),
  channel: signal<ChannelState>('closed'),
  clock: signal<ClockEstimate | undefined>(undefined),
  connection: signal<ConnectionView | undefined>(undefined),
  pair: signal<SelectedPair | undefined>(undefined),
  local: signal<readonly Candidate[]>([]),
  remote: signal<readonly Candidate[]>([]),
  figures: signal<VideoFigures | undefined>(undefined),
  sessionId: signal<string | undefined>(undefined),
  /** What opens the session: `id.token`. */
  sessionKey: signal<string | undefined>(undefined),
  times: signal<Times>(NO_TIMES),
  problem: signal<Problem | undefined>(undefined),
  plugins: signal<readonly PluginStatus[]>([]),
  /** The daemon did not answer the last request that was made outside a session. */
  unreachable: signal(false),
};

/** The state that the page names: a daemon that is away comes before all else. */
export const shownStage = computed(() => {
  const away = store.channel.value === 'away' || store.unreachable.value;
  return away ? 'away' : store.stage.value;
});

/** Whether events may still come to the session that is shown. */
export const isGrowing = computed(() => (isLive.value ? store.running.value : shown.value.growing.value));

/** Forgets the session before. */
export function clearSession(): void {
  live.timeline.clear();
  store.words.value = undefined;
  store.channel.value = 'closed';
  store.clock.value = undefined;
  store.connection.value = undefined;
  store.pair.value = undefined;
  store.local.value = [];
  store.remote.value = [];
  store.figures.value = undefined;
  live.session.value = undefined;
  store.sessionId.value = undefined;
  store.sessionKey.value = undefined;
  store.times.value = NO_TIMES;
  store.problem.value = undefined;
}
