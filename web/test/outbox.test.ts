import { expect, test } from 'vitest';
import type { Level } from '../src/generated/Level';
import { Outbox } from '../src/live/outbox';

const LARGE = 1_000_000;

function event(kind: string, level: Level = 'info') {
  return { time: 1, from: 'web', to: 'web', kind, evidence: 'api', level, summary: '', attributes: {} } as const;
}

function filled(count: number, capacity?: number) {
  const outbox = new Outbox(capacity);
  for (let index = 1; index <= count; index += 1) outbox.push(event(`e${index}`));
  return outbox;
}

const numbers = (events: { number: number }[]) => events.map(({ number }) => number);

test('events are numbered from 1 and handed out once', () => {
  const outbox = filled(3);
  expect(numbers(outbox.take(LARGE))).toEqual([1, 2, 3]);
  expect(outbox.take(LARGE)).toEqual([]);
  outbox.push(event('later'));
  expect(numbers(outbox.take(LARGE))).toEqual([4]);
});

test('what is acknowledged is forgotten, the rest goes out again after a break', () => {
  const outbox = filled(4);
  outbox.take(LARGE);
  outbox.acknowledge(2);
  outbox.rewind();
  expect(numbers(outbox.take(LARGE))).toEqual([3, 4]);
});

test('an acknowledgement of what was sent twice does no harm', () => {
  const outbox = filled(2);
  outbox.take(LARGE);
  outbox.acknowledge(2);
  outbox.acknowledge(1);
  expect(outbox.waiting).toEqual([]);
  expect(outbox.push(event('next')).number).toBe(3);
});

test('a batch ends before it grows too large, and has at least one event', () => {
  const outbox = filled(3);
  const one = JSON.stringify({ ...event('e1'), number: 1 }).length;
  expect(numbers(outbox.take(2 * one + 1))).toEqual([1, 2]);
  expect(numbers(outbox.take(1))).toEqual([3]);
});

test('when too many wait, details go first, then the oldest, and they are counted', () => {
  const outbox = new Outbox(2);
  outbox.push(event('first'));
  outbox.push(event('stats', 'debug'));
  outbox.push(event('third'));
  expect(outbox.waiting.map(({ kind }) => kind)).toEqual(['first', 'third']);
  outbox.push(event('fourth'));
  expect(outbox.waiting.map(({ kind }) => kind)).toEqual(['third', 'fourth']);
  expect(outbox.dropped).toBe(2);
});
