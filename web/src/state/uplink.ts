import { signal } from '@preact/signals';
import type { UplinkStats } from '../generated/UplinkStats';
import { Attempt, type Stage } from '../rtc/attempt';
import { ownPicture, type Picture } from '../rtc/picture';
import { pageTime } from '../rtc/recorder';
import { texts } from '../texts';
import { rememberOwn } from './access';
import { environment } from './environment';
import { type Reading, uplinkReading } from './figures/readings';

/** What the page shows of the picture that it sends: a session of its own, by WHIP. */
export const uplink = {
  on: signal(false),
  stage: signal<Stage | 'idle'>('idle'),
  origin: signal<Picture['origin'] | undefined>(undefined),
  /** Why it is not the camera's picture, or why it is not sent. */
  why: signal<string | undefined>(undefined),
  /** What the daemon measured. */
  arrived: signal<UplinkStats | undefined>(undefined),
  /** The same, as it was told since the picture is sent; the latest `READINGS`. */
  readings: signal<readonly Reading[]>([]),
};

/** An hour of them: the daemon tells its figures once a second. */
const READINGS = 3600;

const nothing = () => {};

let attempt: Attempt | undefined;
let picture: Picture | undefined;
/** Counts switchings, so that a camera that is allowed late is not used after a switch-off. */
let turn = 0;

/** The switch. */
export async function switchUplink(on: boolean): Promise<void> {
  turn += 1;
  const mine = turn;
  if (!on) {
    await end('idle');
    return;
  }
  uplink.on.value = true;
  uplink.why.value = undefined;
  uplink.arrived.value = undefined;
  uplink.readings.value = [];
  const began = pageTime();
  uplink.stage.value = 'opening';
  const taken = await ownPicture();
  if (mine !== turn) {
    taken.stop();
    return;
  }
  picture = taken;
  uplink.origin.value = taken.origin;
  uplink.why.value = taken.why;
  attempt = send(
    taken,
    () => mine === turn,
    (stats) => {
      uplink.arrived.value = stats;
      const reading = uplinkReading(stats, pageTime() - began);
      uplink.readings.value = [...uplink.readings.value.slice(1 - READINGS), reading];
    },
  );
  try {
    await attempt.start();
  } catch (error) {
    if (mine === turn) await failed(error);
  }
}

/** The page is going away. */
export function leaveUplink(): void {
  attempt?.leave();
}

function send(taken: Picture, current: () => boolean, arrived: (stats: UplinkStats) => void): Attempt {
  const { fetch, openSocket, granularity, certificate } = environment;
  return new Attempt(
    { endpoint: '/whip', stream: taken.stream, fetch, openSocket, granularity, certificate, later: (what) => what() },
    {
      onStage: (stage, words) => {
        if (!current()) return;
        uplink.stage.value = stage;
        if (stage === 'closed' || stage === 'failed') void failed(words ?? texts.stage[stage]);
      },
      onSession: (session) => {
        if (current() && session.uplink !== null) arrived(session.uplink);
      },
      onChannel: (state) => {
        if (current() && state === 'gone') void failed(texts.connection.channel.gone);
      },
      onProblem: (error) => {
        if (current()) void failed(error);
      },
      onOpened: rememberOwn,
      onEvents: nothing,
      onClock: nothing,
      onPlugins: nothing,
      onProbes: nothing,
      onRemote: nothing,
      onCreated: nothing,
      onView: nothing,
      onLocal: nothing,
      onPair: nothing,
      onFigures: nothing,
      onDecoded: nothing,
      onFirstFrame: nothing,
    },
  );
}

async function failed(error: unknown): Promise<void> {
  const why = texts.uplink.failed(texts.describe(error));
  await end('failed');
  uplink.why.value = why;
}

async function end(stage: 'idle' | 'failed'): Promise<void> {
  const before = attempt;
  attempt = undefined;
  picture?.stop();
  picture = undefined;
  uplink.on.value = false;
  uplink.origin.value = undefined;
  uplink.why.value = undefined;
  uplink.stage.value = stage;
  await before?.stop();
}
