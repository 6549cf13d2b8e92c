import type { Event } from '../../generated/Event';
import type { UplinkStats } from '../../generated/UplinkStats';
import { number, records } from '../ice/read';

type Facts = Record<string, unknown>;

/** What counters and gauges of one RTP video stream said at a time. What is not known is undefined. */
export interface Reading {
  /** Microseconds on the axis that it is shown on. */
  time: number;
  /** When the counters were read, in milliseconds of a clock of its own; only differences count. */
  read: number;
  /** Another stream counts from the beginning. */
  stream: string;
  /** Payload bytes, as webrtc-stats counts them. */
  bytes: number | undefined;
  packets: number | undefined;
  packetsLost: number | undefined;
  frames: number | undefined;
  framesDropped: number | undefined;
  freezes: number | undefined;
  /** Seconds. */
  jitter: number | undefined;
  /** Seconds. */
  roundTripTime: number | undefined;
  /** A share of 1, where the other end reports one; else it follows from the counters. */
  fractionLost: number | undefined;
  /** Seconds from capture to presentation. */
  latency: number | undefined;
  /** Rates of the last second where the other end measures them; else they follow from the counters. */
  bitRate?: number;
  framesPerSecond?: number;
}

/** Events never change: each is read once. */
const known = new WeakMap<Event, Reading | null>();

/** The readings of a session: the browser's statistics, in order of time. */
export function readingsOf(events: readonly Event[]): Reading[] {
  const readings: Reading[] = [];
  for (const event of events) {
    if (event.kind !== 'stats' || event.seenBy !== 'browser') continue;
    let reading = known.get(event);
    if (reading === undefined) {
      reading = readingOf(event) ?? null;
      known.set(event, reading);
    }
    if (reading !== null) readings.push(reading);
  }
  return readings;
}

/** What arrives is told by `inbound-rtp`; of what is sent, by `outbound-rtp` and what the other end reports of it. */
function readingOf({ time, attributes }: Event): Reading | undefined {
  const inbound = records(attributes['inbound-rtp']).find(isVideo);
  const roundTripTime = pairRoundTrip(attributes);
  if (inbound !== undefined) {
    return {
      ...{ time, read: number(inbound, 'timestamp') ?? time / 1000, stream: `in ${inbound.id}` },
      bytes: number(inbound, 'bytesReceived'),
      packets: number(inbound, 'packetsReceived'),
      packetsLost: number(inbound, 'packetsLost'),
      frames: number(inbound, 'framesDecoded'),
      framesDropped: number(inbound, 'framesDropped'),
      freezes: number(inbound, 'freezeCount'),
      jitter: number(inbound, 'jitter'),
      fractionLost: undefined,
      latency: number(asFacts(attributes.presentation), 'captureToPresented'),
      roundTripTime,
    };
  }
  const outbound = records(attributes['outbound-rtp']).find(isVideo);
  if (outbound === undefined) return undefined;
  const remote = records(attributes['remote-inbound-rtp']).find(isVideo) ?? {};
  return {
    ...{ time, read: number(outbound, 'timestamp') ?? time / 1000, stream: `out ${outbound.id}` },
    bytes: number(outbound, 'bytesSent'),
    packets: number(outbound, 'packetsSent'),
    packetsLost: undefined,
    frames: number(outbound, 'framesSent') ?? number(outbound, 'framesEncoded'),
    framesDropped: undefined,
    freezes: undefined,
    jitter: number(remote, 'jitter'),
    fractionLost: number(remote, 'fractionLost'),
    latency: undefined,
    roundTripTime: roundTripTime ?? number(remote, 'roundTripTime'),
  };
}

/** What the daemon measured of an uplink, as told at `time` (microseconds). */
export function uplinkReading(stats: UplinkStats, time: number): Reading {
  return {
    ...{ time, read: time / 1000, stream: 'uplink' },
    bytes: stats.bytesReceived,
    packets: stats.packetsReceived,
    packetsLost: stats.packetsLost,
    frames: stats.framesReceived,
    // When the page is told is not when the daemon counted.
    ...{ bitRate: stats.bitsPerSecond, framesPerSecond: stats.framesPerSecond },
    framesDropped: undefined,
    freezes: undefined,
    jitter: stats.packetsReceived > 0 ? stats.jitter : undefined,
    fractionLost: undefined,
    latency: undefined,
    roundTripTime: undefined,
  };
}

/** The round trip of the pair that carries the media, by the same rules as `rtc/stats.ts`. */
function pairRoundTrip(attributes: Facts): number | undefined {
  const pairs = records(attributes['candidate-pair']);
  const selected = records(attributes.transport).find((one) => one.selectedCandidatePairId !== undefined);
  const pair =
    pairs.find(({ id }) => id === selected?.selectedCandidatePairId) ??
    pairs.find((one) => one.selected === true) ??
    pairs.find((one) => one.nominated === true && one.state === 'succeeded');
  return pair && number(pair, 'currentRoundTripTime');
}

function isVideo(entry: Facts): boolean {
  return entry.kind === 'video' || entry.mediaType === 'video';
}

function asFacts(value: unknown): Facts {
  return typeof value === 'object' && value !== null ? (value as Facts) : {};
}
