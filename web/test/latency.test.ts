import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import {
  type Anchor,
  captureTime,
  captureUncertainty,
  latencyOf,
  newestAnchors,
  ticksBetween,
} from '../src/state/figures/latency';
import { LatencyMeter } from '../src/state/figures/meter';

const anchor = (timestamp: number, captured: number, part: Partial<Anchor> = {}): Anchor => ({
  ...{ timestamp, captured, ssrc: 7, clockRate: 90_000, begins: false },
  ...part,
});

const told = (sequence: number, time: number, attributes: Record<string, unknown>): Event => ({
  ...{ sequence, time, uncertainty: 0, seenBy: 'daemon', from: 'peer', to: 'peer', evidence: 'api', level: 'debug' },
  ...{ kind: 'rtp.capture_clock', summary: '', attributes: { clockRate: 90_000, ssrc: 7, ...attributes } },
});

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const CLOCK = { offset: 1_000_000, uncertainty: 400 };

describe('RTP’s time', () => {
  test('is a circle: a distance is the same wherever it begins', () => {
    fc.assert(
      fc.property(uint32, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (from, distance) => {
        expect(ticksBetween((from + distance) >>> 0, from)).toBe(distance);
      }),
    );
  });

  test('leads to the capture’s time also over the wrap', () => {
    const within = fc.integer({ min: 0, max: 9 * 90_000 });
    fc.assert(
      fc.property(uint32, within, fc.integer({ min: -1e9, max: 1e12 }), (timestamp, ticks, captured) => {
        const time = captureTime((timestamp + ticks) >>> 0, [anchor(timestamp, captured)]);
        expect(time).toBeCloseTo(captured + (ticks * 100) / 9, 3);
      }),
    );
  });

  test('says nothing of what came before the first anchor, nor of what is long after the last', () => {
    const anchors = [anchor(4_294_967_000, 5_000_000)];
    expect(captureTime(4_294_966_999, anchors)).toBeUndefined();
    expect(captureTime(900_000 - 296, anchors)).toBeUndefined();
    expect(captureTime(900_000 - 297, anchors)).toBeCloseTo(5_000_000 + 899_999 / 0.09, 3);
  });
});

describe('anchors', () => {
  test('of another source begin a run: each frame goes by the one before it', () => {
    const anchors = [anchor(1000, 0), anchor(91_000, 1_000_000), anchor(100_000, 1_500_000, { begins: true })];
    expect(captureTime(95_500, anchors)).toBeCloseTo(1_050_000, 3);
    expect(captureTime(100_900, anchors)).toBeCloseTo(1_510_000, 3);
    // The jump between the runs is no unsteadiness of the clock; a tick is what remains.
    expect(captureUncertainty(anchors)).toBeCloseTo(100 / 9, 6);
  });

  test('that do not lie on one line make the capture clock uncertain', () => {
    expect(captureUncertainty([anchor(0, 0), anchor(90_000, 1_002_000)])).toBeCloseTo(2000 + 100 / 9, 6);
  });

  test('are read from the events of the newest stream, as many as are needed', () => {
    const events = Array.from({ length: 40 }, (_, index) =>
      told(index, index * 1000, { rtpTimestamp: index, ssrc: index < 35 ? 1 : 2, discontinuity: index === 35 }),
    );
    const anchors = newestAnchors([...events, { ...told(40, 99, {}), kind: 'stats' }, told(41, 99, { clockRate: 0 })]);
    expect(anchors.map(({ timestamp }) => timestamp)).toEqual([35, 36, 37, 38, 39]);
    expect(anchors.map(({ begins }) => begins)).toEqual([true, false, false, false, false]);
  });
});

describe('the latency', () => {
  const anchors = [anchor(0, 2_000_000)];
  /** Presented `ms` after it was taken. */
  const frame = (timestamp: number | undefined, ms: number) => ({
    timestamp,
    at: 2_000_000 + (timestamp ?? 0) / 0.09 + ms * 1000 - CLOCK.offset,
  });

  test('is the median of the frames, as uncertain as both clocks and the capture’s', () => {
    const frames = [frame(0, 38), frame(3000, 40), frame(6000, 300)];
    expect(latencyOf(frames, anchors, CLOCK, 100)).toEqual({ value: 40_000, uncertainty: 400 + 12 + 100, frames: 3 });
    expect(latencyOf(frames.slice(0, 2), anchors, CLOCK, 100)).toMatchObject({ value: 39_000 });
  });

  test('does not depend on where RTP’s time stands', () => {
    fc.assert(
      fc.property(uint32, fc.integer({ min: 0, max: 2_000_000 }), (from, age) => {
        const frames = [0, 3000, 6000].map((ticks) => ({ timestamp: (from + ticks) >>> 0, at: ticks / 0.09 + age }));
        const latency = latencyOf(frames, [anchor(from, 0)], { offset: 0, uncertainty: 0 }, 1);
        expect(latency).toEqual({ value: age, uncertainty: 13, frames: 3 });
      }),
    );
  });

  test('is unknown, and says why, where a part of it is', () => {
    expect(latencyOf([], anchors, CLOCK, 100)).toBe('no-frames');
    expect(latencyOf([frame(undefined, 38)], anchors, CLOCK, 100)).toBe('no-timestamp');
    expect(latencyOf([frame(0, 38)], anchors, undefined, 100)).toBe('no-clock');
    expect(latencyOf([frame(0, 38)], [], CLOCK, 100)).toBe('no-capture-time');
    expect(latencyOf([frame(0, -1)], anchors, CLOCK, 100)).toBe('implausible');
    expect(latencyOf([frame(0, -0.5)], anchors, CLOCK, 100), 'within the uncertainty').toMatchObject({ value: -500 });
  });

  test('is measured of the last second, goes into the record in seconds, and is forgotten with the session', () => {
    const events = [told(0, 2_000_000, { rtpTimestamp: 0 })];
    let now = 0;
    const meter = new LatencyMeter({ events: () => events, clock: () => CLOCK, now: () => now, granularity: 100 });
    expect(meter.measure()).toEqual({});
    expect(meter.latest.value).toBe('no-frames');
    meter.take(frame(0, 200));
    meter.take(frame(90_000 * 2, 38));
    now = frame(90_000 * 2, 50).at;
    expect(meter.measure()).toEqual({
      presentation: { captureToPresented: 0.038, uncertainty: 0.000512, frames: 1 },
    });
    expect(meter.latest.value).toMatchObject({ value: 38_000 });
    meter.clear();
    expect(meter.latest.value).toBeUndefined();
    expect(meter.measure()).toEqual({});
  });
});
