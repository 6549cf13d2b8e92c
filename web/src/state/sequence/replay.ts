/** No wait of a replay is longer than this, in milliseconds: nobody sits through ten quiet minutes. */
export const LONGEST_WAIT_MS = 1000;

/** Where a replay has come to: how many of the times are over, and how far into the wait for the next, in milliseconds of the onlooker. */
export interface Position {
  shown: number;
  waited: number;
}

/** Goes on for `elapsed` milliseconds. `times` are microseconds; at `speed` 1 a second takes a second. */
export function advance(
  { shown, waited }: Position,
  times: readonly number[],
  speed: number,
  elapsed: number,
): Position {
  let left = waited + elapsed;
  let place = shown;
  while (place < times.length) {
    const gap = place === 0 ? 0 : ((times[place] ?? 0) - (times[place - 1] ?? 0)) / 1000 / speed;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(0, gap));
    if (left < wait) return { shown: place, waited: left };
    left -= wait;
    place += 1;
  }
  return { shown: place, waited: 0 };
}
