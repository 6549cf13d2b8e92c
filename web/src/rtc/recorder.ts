import type { Lane } from '../generated/Lane';
import type { Level } from '../generated/Level';
import type { Outbox } from '../live/outbox';

/** Something that the page saw. */
export interface Note {
  kind: string;
  /** Where it started; the page itself unless said otherwise. */
  from?: Lane;
  /** Where it went; the page itself unless said otherwise. */
  to?: Lane;
  summary: string;
  attributes?: Record<string, unknown>;
  level?: Level;
  /** When, in milliseconds of `performance.now()`; now unless said otherwise. */
  at?: number;
}

/** Writes down what the page sees. */
export type Recorder = (note: Note) => void;

/** The page's clock in whole microseconds. */
export function pageTime(milliseconds = performance.now()): number {
  return Math.round(milliseconds * 1000);
}

/** A recorder into an outbox. `pushed` is called after each event. */
export function recorder(outbox: Outbox, pushed: () => void): Recorder {
  return (note) => {
    outbox.push({
      time: pageTime(note.at),
      from: note.from ?? 'web',
      to: note.to ?? 'web',
      kind: note.kind,
      evidence: 'api',
      level: note.level ?? 'info',
      summary: note.summary,
      attributes: note.attributes ?? {},
    });
    pushed();
  };
}

/** Leaves out what is not known, so that absent facts stay absent. */
export function known(facts: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}
