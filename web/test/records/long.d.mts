import type { Event } from '../../src/generated/Event';

export function longSession(events: readonly Event[], length: number): Event[];
