// Waiting for something to be so.
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks `question` again and again until it answers something truthy, and returns that. The pause between two questions is
 * no synchronisation: only the answer ends the wait.
 */
export async function until(what, question, { seconds = 15, every = 50 } = {}) {
  const end = performance.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await question();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`after ${seconds} s still not: ${what} (last seen: ${String(seen).slice(0, 600)})`);
    }
    await sleep(every);
  }
}

/** The value in the middle; of an even number of values the mean of the two there. */
export function median(values) {
  if (values.length === 0) throw new Error('no values, so no median');
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
