import { describe, expect, test } from 'vitest';
import { ClockEstimator, fromExchange, granularity } from '../src/live/clock';

/** An exchange over a way of `there` and `back` microseconds, when the daemon is `ahead` of the page. */
function exchange(at: number, ahead: number, there: number, back: number) {
  const received = at + there + ahead;
  const answered = received + 20;
  return { sent: at, received, answered, arrived: answered - ahead + back };
}

describe('one exchange', () => {
  test('a symmetric way gives the exact offset, half the round trip and the granularity as uncertainty', () => {
    expect(fromExchange(exchange(1000, 500_000, 300, 300), 5)).toEqual({ offset: 500_000, uncertainty: 305 });
  });

  test('an asymmetric way is off by no more than the uncertainty says', () => {
    const estimate = fromExchange(exchange(1000, -70_000, 900, 100), 0);
    expect(estimate).toEqual({ offset: -69_600, uncertainty: 500 });
  });

  test('times that contradict each other say nothing', () => {
    expect(fromExchange({ sent: 100, received: 50, answered: 40, arrived: 120 }, 5)).toBeUndefined();
    expect(fromExchange({ sent: 100, received: 50, answered: 60, arrived: 90 }, 5)).toBeUndefined();
    expect(fromExchange({ sent: 100, received: 50, answered: 900, arrived: 200 }, 5)).toBeUndefined();
  });

  test('offset and uncertainty are whole microseconds, as the daemon reads them', () => {
    const estimate = fromExchange({ sent: 0, received: 10, answered: 11, arrived: 4 }, 1);
    expect(Number.isInteger(estimate?.offset)).toBe(true);
    expect(Number.isInteger(estimate?.uncertainty)).toBe(true);
  });
});

describe('many exchanges', () => {
  test('the least round trip wins', () => {
    const clock = new ClockEstimator(0);
    clock.add(exchange(0, 1000, 5000, 100));
    clock.add(exchange(10_000, 1000, 50, 50));
    expect(clock.add(exchange(20_000, 1000, 100, 8000))).toEqual({ offset: 1000, uncertainty: 51 });
  });

  test('drift of 15 ppm is counted against an old exchange until a fresh one is better', () => {
    const clock = new ClockEstimator(0);
    clock.add(exchange(0, 1000, 50, 50));
    expect(clock.estimate(10_000_120)).toEqual({ offset: 1000, uncertainty: 200 });
    expect(clock.add(exchange(20_000_000, 1100, 200, 200))).toEqual({ offset: 1100, uncertainty: 200 });
  });

  test('a clock that was stepped makes the exchanges before it worthless', () => {
    const clock = new ClockEstimator(0);
    clock.add(exchange(0, 1000, 10, 10));
    expect(clock.add(exchange(1_000_000, 900_000, 500, 500))).toEqual({ offset: 900_000, uncertainty: 500 });
  });

  test('before the first exchange nothing is known', () => {
    expect(new ClockEstimator(5).estimate(0)).toBeUndefined();
  });
});

describe('the granularity of a clock', () => {
  test('is its least step', () => {
    let readings = 0;
    expect(
      granularity(() => {
        readings += 1;
        return Math.floor(readings / 10) * 0.1;
      }),
    ).toBe(100);
  });

  test('is taken as a millisecond where the clock does not move', () => {
    expect(granularity(() => 7, 100)).toBe(1000);
  });
});
