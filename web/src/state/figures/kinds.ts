import type { Event } from '../../generated/Event';

/** Events of every second: they are for plots and figures, not for a story. */
const FIGURES = new Set(['stats', 'rtp.counters', 'rtp.capture_clock']);

/** Whether an event is one of the figures that come every second while a connection is up. */
export function isFigure(event: Event): boolean {
  return FIGURES.has(event.kind);
}
