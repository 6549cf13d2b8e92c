import type { Placed } from '../../state/sequence/layout';
import { sequence } from '../../state/sequence/view';
import { store } from '../../state/store';

/** So far from an arrow one still points at it, in pixels. */
const REACH = 14;

/** The row that is nearest to a height, if one is near. */
export function indexAt(rows: readonly Placed[], y: number): number | undefined {
  let nearest: number | undefined;
  let distance = REACH;
  for (const [index, row] of rows.entries()) {
    const away = Math.abs(row.y - y);
    if (away < distance) [nearest, distance] = [index, away];
    else if (row.y > y + REACH) break;
  }
  return nearest;
}

/** Keys in the picture. `height` of its window, in pixels. */
export function goesTo(event: KeyboardEvent, height: number): void {
  const { rows } = sequence.layout.peek();
  const now = Math.min(sequence.active.peek(), rows.length - 1);
  const page = () => Math.max(1, Math.floor(height / 40));
  const places: Record<string, () => number | undefined> = {
    ArrowDown: () => now + 1,
    ArrowUp: () => now - 1,
    PageDown: () => now + page(),
    PageUp: () => now - page(),
    Home: () => 0,
    End: () => rows.length - 1,
    ArrowLeft: () => rows[now]?.partner,
    ArrowRight: () => rows[now]?.partner,
  };
  const doings: Record<string, () => void> = {
    Enter: () => sequence.toggle(now),
    ' ': () => sequence.toggle(now),
    Escape: () => {
      store.timeline.open.value = undefined;
    },
    '+': () => sequence.magnify(1.5),
    '-': () => sequence.magnify(1 / 1.5),
    '0': () => sequence.fit(),
  };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const place = places[event.key];
  const doing = doings[event.key];
  if (place !== undefined) sequence.goTo(place());
  else if (doing !== undefined) doing();
  else return;
  event.preventDefault();
}
