import type { Event } from '../../src/generated/Event';
import type { ProbeState } from '../../src/generated/ProbeState';

type Part = Partial<Event>;
type Facts = Record<string, unknown>;
type End = [type: string, place: string];
interface Scene {
  events: Event[];
  probes: ProbeState[];
}

export function numbered(events: Part[]): Event[];
export function browserCandidate(type: string, place: string, facts?: Facts): Part[];
export function daemonCandidate(type: string, place: string, more?: Facts): Part[];
export function checks(
  kind: string,
  direction: 'inbound' | 'outbound',
  local: string,
  remote: string,
  number?: number,
  facts?: Facts,
): Part[];
export function served(kind: string, lane: 'stun' | 'turn', local: string, server: string, facts?: Facts): Part;
export function stats(pairs: [End, End, Facts][]): Part;
export function natReport(facts?: Facts): ProbeState;
export const THROUGH_NATS: Scene;
export const NO_PATH: Scene;
