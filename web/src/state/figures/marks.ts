import type { Event } from '../../generated/Event';
import { text } from '../ice/read';
import type { Reading } from './readings';

/** What is marked in the plots. */
export const MARKS = [
  'source',
  'restart',
  'path',
  'key-frame',
  'freeze',
  'hidden',
  'disconnected',
  'crashed',
  'closed',
] as const;
export type MarkKind = (typeof MARKS)[number];

/** Something that happened, where figures may have changed. */
export interface Mark {
  /** Seconds on the session's axis. */
  time: number;
  kind: MarkKind;
  /** The event that says so. */
  sequence: number | undefined;
  words: string;
}

/** Kinds of events that are marks by themselves. */
const BY_KIND: Record<string, MarkKind> = {
  'media.source_changed': 'source',
  'ice.restart': 'restart',
  'media.key_frame_requested': 'key-frame',
  'plugin.crashed': 'crashed',
  'plugin.hung': 'crashed',
  'session.closed': 'closed',
};

/** The marks of a session. `readings` are the figures' own: a picture that froze is known by a counter only. */
export function marksOf(events: readonly Event[], readings: readonly Reading[]): Mark[] {
  const marks: Mark[] = [];
  let paths = 0;
  for (const event of events) {
    const kind = BY_KIND[event.kind] ?? stateMark(event) ?? (isPath(event) && paths++ > 0 ? 'path' : undefined);
    if (kind === undefined) continue;
    marks.push({ time: event.time / 1e6, kind, sequence: event.sequence, words: event.summary });
  }
  for (const [index, reading] of readings.entries()) {
    const before = readings[index - 1];
    if (before?.stream !== reading.stream || (reading.freezes ?? 0) <= (before.freezes ?? 0)) continue;
    marks.push({ time: reading.time / 1e6, kind: 'freeze', sequence: undefined, words: '' });
  }
  return marks.toSorted((a, b) => a.time - b.time);
}

/** The first pair that is selected is the beginning; another one is news. */
function isPath({ kind, seenBy }: Event): boolean {
  return kind === 'ice.selected_pair' && seenBy === 'browser';
}

function stateMark({ kind, seenBy, attributes }: Event): MarkKind | undefined {
  if (kind === 'ice.connection_state' && seenBy === 'browser') {
    const state = text(attributes, 'iceState');
    return state === 'disconnected' || state === 'failed' ? 'disconnected' : undefined;
  }
  const visibility = text(attributes, 'visibilityState');
  return kind === 'page.visibility' && visibility === 'hidden' ? 'hidden' : undefined;
}
