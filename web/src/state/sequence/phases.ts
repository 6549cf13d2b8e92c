import type { Event } from '../../generated/Event';
import { factsOf } from './facts';

/** The stretches of a set-up, as they begin as a rule. */
export const PHASES = ['gathering', 'offer', 'answer', 'checks', 'dtls', 'media'] as const;
export type PhaseName = (typeof PHASES)[number];

/** From the first event of a phase to its last: phases overlap where candidates trickle. */
export interface Phase {
  name: PhaseName;
  /** Microseconds. */
  from: number;
  to: number;
  /** Which of the columns beside the picture is free for it, from 0. */
  column: number;
}

/** All phases in order of their beginning. An offer after media has begun starts the phases anew: an ICE restart. */
export function phases(events: readonly Event[]): Phase[] {
  const found: Phase[] = [];
  let round = new Map<PhaseName, Phase>();
  let last = 0;
  for (const event of events) {
    let name = factsOf(event).phase;
    if (round.has('media')) {
      // While media flows, checks ask for consent (RFC 7675) and allocations are refreshed: no phase of the set-up.
      if (name === 'offer') round = new Map();
      else if (name === 'checks' || name === 'gathering') name = 'media';
    }
    last = event.time;
    if (name === undefined) continue;
    const phase = round.get(name);
    if (phase !== undefined) phase.to = Math.max(phase.to, event.time);
    else {
      const fresh: Phase = { name, from: event.time, to: event.time, column: 0 };
      round.set(name, fresh);
      found.push(fresh);
    }
  }
  const playing = round.get('media');
  if (playing !== undefined) playing.to = Math.max(playing.to, last);
  return inColumns(found);
}

/** Each phase beside those that it overlaps. */
function inColumns(found: Phase[]): Phase[] {
  const ends: number[] = [];
  for (const phase of found) {
    const free = ends.findIndex((end) => end < phase.from);
    phase.column = free === -1 ? ends.length : free;
    ends[phase.column] = phase.to;
  }
  return found;
}
