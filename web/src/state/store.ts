import { computed, signal } from '@preact/signals';
import type { PluginStatus } from '../generated/PluginStatus';
import type { SessionSummary } from '../generated/SessionSummary';
import type { ChannelState } from '../live/channel';
import type { ClockEstimate } from '../live/clock';
import type { Stage } from '../rtc/attempt';
import type { Candidate } from '../rtc/candidate';
import type { ConnectionView } from '../rtc/observe';
import type { SelectedPair, VideoFigures } from '../rtc/stats';
import { hold } from './hold';
import { Timeline } from './timeline';

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

/** Everything that the page shows of the main session. */
export const store = {
  timeline: new Timeline(hold),
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
  session: signal<SessionSummary | undefined>(undefined),
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

/** Forgets the session before. */
export function clearSession(): void {
  store.timeline.clear();
  store.words.value = undefined;
  store.channel.value = 'closed';
  store.clock.value = undefined;
  store.connection.value = undefined;
  store.pair.value = undefined;
  store.local.value = [];
  store.remote.value = [];
  store.figures.value = undefined;
  store.session.value = undefined;
  store.sessionId.value = undefined;
  store.sessionKey.value = undefined;
  store.times.value = NO_TIMES;
  store.problem.value = undefined;
}
