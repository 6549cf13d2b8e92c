import { signal } from '@preact/signals';
import type { Report } from '../generated/Report';
import type { SessionSummary } from '../generated/SessionSummary';
import { Hold } from './hold';
import { Timeline } from './timeline';

/** Where a session comes from that the views show. */
export type Origin =
  /** This page's own. */
  | { kind: 'live' }
  /** One that the daemon remembers. */
  | { kind: 'remembered'; id: string; shared: boolean }
  /** One out of a file. */
  | { kind: 'imported'; file: string; format: 'icescope' | 'webrtc-internals' };

/** A session as the views read it. The page's own is one of these, and goes on while another is shown. */
export class ShownSession {
  readonly origin: Origin;
  readonly timeline: Timeline;
  readonly session = signal<SessionSummary | undefined>(undefined);
  /** The probes' reports that belong to it; undefined: the newest ones, as the daemon tells them now. */
  readonly reports = signal<readonly Report[] | undefined>(undefined);
  /** Its addresses are pseudonyms. */
  readonly redacted = signal(false);
  /** More may still come. */
  readonly growing = signal(false);
  /** What it was made of, with all that this page does not know: for the export. */
  document: unknown;

  constructor(origin: Origin, hold = new Hold()) {
    this.origin = origin;
    this.timeline = new Timeline(hold);
  }
}
