import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../src/generated/Event';
import { HOLD_MS, Hold } from '../src/state/hold';
import { Timeline } from '../src/state/timeline';

const event = (sequence: number, time: number): Event => ({
  ...{ sequence, time, uncertainty: 0, seenBy: 'browser', from: 'web', to: 'web', kind: `step.${sequence}` },
  ...{ evidence: 'api', level: 'info', summary: '', attributes: {} },
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('drawing', () => {
  test('is not held back outside a set-up', () => {
    const draw = vi.fn();
    new Hold().after(draw);
    expect(draw).toHaveBeenCalledOnce();
  });

  test('waits for the end of a set-up, however often it is asked for, and happens once', () => {
    const hold = new Hold();
    const draw = vi.fn();
    hold.begin();
    hold.after(draw);
    hold.after(draw);
    expect(draw).not.toHaveBeenCalled();
    hold.end();
    expect(draw).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(10 * HOLD_MS);
    expect(draw).toHaveBeenCalledOnce();
  });

  test('does not wait for a set-up that takes long, and begins a new wait with each of its steps', () => {
    const hold = new Hold();
    const draw = vi.fn();
    hold.begin();
    hold.after(draw);
    vi.advanceTimersByTime(HOLD_MS - 1);
    hold.begin();
    vi.advanceTimersByTime(HOLD_MS - 1);
    expect(draw).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(draw).toHaveBeenCalledOnce();
    expect(hold.active).toBe(false);
  });
});

test('events of a set-up are kept at once and all drawn when it is over, each in its place', async () => {
  const hold = new Hold();
  const timeline = new Timeline(hold);
  hold.begin();
  timeline.add([event(0, 100), event(1, 300)]);
  timeline.add([event(2, 200)]);
  await vi.advanceTimersByTimeAsync(HOLD_MS - 1);
  expect(timeline.events.map(({ time }) => time)).toEqual([100, 200, 300]);
  expect(timeline.all.value).toEqual([]);
  hold.end();
  await vi.runAllTimersAsync();
  expect(timeline.all.value.map(({ sequence }) => sequence)).toEqual([0, 2, 1]);
  timeline.add([event(3, 400)]);
  await vi.runAllTimersAsync();
  expect(timeline.all.value).toHaveLength(4);
});
