import { signal } from '@preact/signals';
import type { Event } from '../../generated/Event';
import type { ClockEstimate } from '../../live/clock';
import type { Presented } from '../../rtc/presented';
import { type Latency, latencyOf, newestAnchors, type Unknown } from './latency';

/** What a figure of now is of, in microseconds: a little more than the second between two figures. */
const WINDOW_US = 1_100_000;
/** More than a second's frames of any screen. */
const MOST = 300;

/** What the meter reads; microseconds. */
export interface MeterInputs {
  events: () => readonly Event[];
  clock: () => ClockEstimate | undefined;
  now: () => number;
  granularity: number;
}

/** Measures how old the pictures of a session are when they are presented. */
export class LatencyMeter {
  readonly #inputs: MeterInputs;
  #frames: Presented[] = [];
  /** As of the last measurement; nothing before the first. */
  readonly latest = signal<Latency | Unknown | undefined>(undefined);

  constructor(inputs: MeterInputs) {
    this.#inputs = inputs;
  }

  /** A frame was presented. */
  take(frame: Presented): void {
    this.#frames.push(frame);
    if (this.#frames.length > MOST) this.#frames.shift();
  }

  /** Another session begins. */
  clear(): void {
    this.#frames = [];
    this.latest.value = undefined;
  }

  /** Measures the last second; gives what of it goes into the record, in seconds as webrtc-stats has times. */
  measure(): Record<string, unknown> {
    const { events, clock, now, granularity } = this.#inputs;
    const from = now() - WINDOW_US;
    this.#frames = this.#frames.filter(({ at }) => at >= from);
    const latency = latencyOf(this.#frames, newestAnchors(events()), clock(), granularity);
    this.latest.value = latency;
    if (typeof latency === 'string') return {};
    const { value, uncertainty, frames } = latency;
    return { presentation: { captureToPresented: value / 1e6, uncertainty: uncertainty / 1e6, frames } };
  }
}
