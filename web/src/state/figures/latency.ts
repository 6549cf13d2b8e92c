import type { Event } from '../../generated/Event';
import type { ClockEstimate } from '../../live/clock';
import type { Presented } from '../../rtc/presented';
import { number } from '../ice/read';

/** A picture with this RTP timestamp was taken at this time. */
export interface Anchor {
  timestamp: number;
  /** Microseconds on the session's axis. */
  captured: number;
  ssrc: number;
  clockRate: number;
  /** Media time begins anew here: the anchors before say nothing of what follows. */
  begins: boolean;
}

/** How old pictures are when they are presented; microseconds. */
export interface Latency {
  /** The median of the frames. */
  value: number;
  /** How far that may be off. */
  uncertainty: number;
  /** How many frames it is of. */
  frames: number;
}

/** Why the latency is not known. */
export type Unknown = 'no-frames' | 'no-timestamp' | 'no-capture-time' | 'no-clock' | 'implausible';

/** Beyond this an anchor tells nothing of a frame: RTP's time and the capture clock have run apart. Ten were not heard then. */
const REACH_S = 10;
/** Anchors looked at: as many seconds are what the capture clock's unsteadiness is judged by. */
const ANCHORS = 8;

/** `a - b` of RTP timestamps, which wrap after 2^32: the way that is shorter. */
export function ticksBetween(a: number, b: number): number {
  return (a - b) | 0;
}

/** The anchor that an event tells, if it does. */
export function anchorOf({ kind, time, attributes }: Event): Anchor | undefined {
  if (kind !== 'rtp.capture_clock') return undefined;
  const timestamp = number(attributes, 'rtpTimestamp');
  const clockRate = number(attributes, 'clockRate');
  if (timestamp === undefined || clockRate === undefined || clockRate <= 0) return undefined;
  const ssrc = number(attributes, 'ssrc') ?? 0;
  return { timestamp, captured: time, ssrc, clockRate, begins: attributes.discontinuity === true };
}

/** The newest anchors among the events of a session, oldest first. */
export function newestAnchors(events: readonly Event[]): Anchor[] {
  const anchors: Anchor[] = [];
  for (let index = events.length - 1; index >= 0 && anchors.length < ANCHORS; index -= 1) {
    const event = events[index];
    const anchor = event && anchorOf(event);
    if (anchor !== undefined) anchors.unshift(anchor);
  }
  // Of another stream than the newest: its timestamps are no measure for this one's.
  return anchors.filter(({ ssrc }) => ssrc === anchors.at(-1)?.ssrc);
}

/** When the picture with an RTP timestamp was taken; nothing if no anchor tells. */
export function captureTime(timestamp: number, anchors: readonly Anchor[]): number | undefined {
  const anchor = anchors.findLast((one) => {
    const ticks = ticksBetween(timestamp, one.timestamp);
    return ticks >= 0 && ticks < REACH_S * one.clockRate;
  });
  return anchor && anchor.captured + microseconds(ticksBetween(timestamp, anchor.timestamp), anchor.clockRate);
}

function microseconds(ticks: number, clockRate: number): number {
  return (ticks * 1_000_000) / clockRate;
}

/** How far the capture clock may be off: it rounds to RTP's ticks, and a source's own clock may not run evenly with them. */
export function captureUncertainty(anchors: readonly Anchor[]): number {
  let worst = 0;
  for (const [index, anchor] of anchors.entries()) {
    const before = anchors[index - 1];
    if (before === undefined || anchor.begins) continue;
    const expected = captureTime(anchor.timestamp, [before]);
    if (expected !== undefined) worst = Math.max(worst, Math.abs(anchor.captured - expected));
  }
  const tick = anchors.length > 0 ? 1_000_000 / Math.min(...anchors.map(({ clockRate }) => clockRate)) : 0;
  return worst + tick;
}

/**
 * How old the frames were when they were presented. The uncertainty is that of the two clocks' offset, of the capture clock and
 * of the page's clock, which is rounded to its granularity (microseconds).
 */
export function latencyOf(
  frames: readonly Presented[],
  anchors: readonly Anchor[],
  clock: ClockEstimate | undefined,
  granularity: number,
): Latency | Unknown {
  if (frames.length === 0) return 'no-frames';
  const stamped = frames.filter(({ timestamp }) => timestamp !== undefined);
  if (stamped.length === 0) return 'no-timestamp';
  if (clock === undefined) return 'no-clock';
  const ages = stamped.flatMap(({ timestamp = 0, at }) => {
    const captured = captureTime(timestamp, anchors);
    return captured === undefined ? [] : [at + clock.offset - captured];
  });
  if (ages.length === 0) return 'no-capture-time';
  const value = median(ages);
  const uncertainty = clock.uncertainty + captureUncertainty(anchors) + granularity;
  // Nothing is seen before it happens: then the source stamps its pictures by another clock than it says.
  if (value < -uncertainty) return 'implausible';
  return { value: Math.round(value), uncertainty: Math.ceil(uncertainty), frames: ages.length };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
