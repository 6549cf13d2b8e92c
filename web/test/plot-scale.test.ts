import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isolated, ticks, top } from '../src/view/plots/scale';

const value = fc.double({ min: 1e-6, max: 1e12, noNaN: true });

describe('an axis', () => {
  test('ends at a round number a little above the greatest value', () => {
    expect(top(2.3e6)).toBe(3e6);
    expect(top(30)).toBe(40);
    expect(top(0.97)).toBe(1);
    expect(top(12)).toBe(15);
    expect([top(0), top(null), top(undefined)]).toEqual([1, 1, 1]);
  });

  test('has all values below its end, with at most half of it empty, whatever they are', () => {
    fc.assert(
      fc.property(value, (most) => {
        expect(top(most)).toBeGreaterThan(most);
        expect(top(most)).toBeLessThan(most * 2.1);
      }),
    );
  });

  test('has lines from nought as far as there is room, few and evenly apart', () => {
    fc.assert(
      fc.property(value, (most) => {
        const end = top(most);
        const lines = ticks(end);
        expect(lines[0]).toBe(0);
        const [step = 0, last = 0] = [lines[1], lines.at(-1)];
        expect(last).toBeLessThanOrEqual(end * (1 + 1e-9));
        expect(end - last).toBeLessThan(step);
        expect(lines.length).toBeGreaterThanOrEqual(3);
        expect(lines.length).toBeLessThanOrEqual(6);
      }),
    );
  });
});

test('a value with nothing known on either side is a point: a line would need two', () => {
  expect(isolated([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
  expect(isolated([null, undefined])).toEqual([]);
});
