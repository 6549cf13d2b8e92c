import { texts } from '../texts';
import { endpoint, parseCandidate } from './candidate';
import { pairWords } from './pair';
import { known, type Recorder } from './recorder';
import {
  entries,
  inboundVideo,
  type SelectedPair,
  type Stat,
  selectedPair,
  statsAttributes,
  type VideoFigures,
  videoFigures,
} from './stats';

/** Once a second (DESIGN §3.2). */
const EVERY_MS = 1000;

/** Whom to tell. */
export interface SamplerHooks {
  record: Recorder;
  onPair: (pair: SelectedPair) => void;
  onFigures: (figures: VideoFigures) => void;
  /** What is measured beside getStats. */
  measured?: () => Record<string, unknown>;
}

/** Reads a connection's statistics while it is up, and watches which pair carries the media. */
export class Sampler {
  readonly #pc: RTCPeerConnection;
  readonly #hooks: SamplerHooks;
  #timer: ReturnType<typeof setInterval> | undefined;
  #before: Stat | undefined;
  /** The last pair that was told, by its two ends. */
  #pair = '';
  #stopped = false;
  /** Candidates that were recorded already: they do not change, so each goes into the record once. */
  readonly #candidates = new Set<string>();

  constructor(pc: RTCPeerConnection, hooks: SamplerHooks) {
    this.#pc = pc;
    this.#hooks = hooks;
  }

  /** Begins to sample; a second call changes nothing. */
  start(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setInterval(() => this.sample(), EVERY_MS);
  }

  /** Ends it for good. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** One sample now. */
  sample(): void {
    this.#sample().catch((error: unknown) => {
      if (!this.#stopped) this.#hooks.record({ kind: 'page.error', level: 'warn', summary: texts.describe(error) });
    });
  }

  /** The ICE transport tells a new pair, at the moment it changes. */
  pairChanged(local: RTCIceCandidate | null, remote: RTCIceCandidate | null): void {
    if (local === null || remote === null || this.#stopped) return;
    const ours = parseCandidate(local.candidate);
    const theirs = parseCandidate(remote.candidate);
    if (ours === undefined || theirs === undefined) return;
    const { relayProtocol } = local as RTCIceCandidate & { relayProtocol?: string | null };
    if (relayProtocol) ours.relayProtocol = relayProtocol;
    this.#tell({ id: '', local: ours, remote: theirs, roundTripTime: undefined });
  }

  async #sample(): Promise<void> {
    const stats = entries(await this.#pc.getStats());
    if (this.#stopped) return;
    const figures = videoFigures(stats, this.#before);
    this.#before = inboundVideo(stats) ?? this.#before;
    if (figures !== undefined) this.#hooks.onFigures(figures);
    const pair = selectedPair(stats);
    if (pair !== undefined) this.#tell(pair);
    this.#hooks.record({
      kind: 'stats',
      level: 'debug',
      summary: texts.event.stats(figures?.framesDecoded, figures?.bitRate, pair?.roundTripTime),
      attributes: { ...statsAttributes(stats, this.#candidates), ...this.#hooks.measured?.() },
    });
  }

  /** Records a pair when it is another than before, and shows it anyway: its round trip time moves. */
  #tell(pair: SelectedPair): void {
    this.#hooks.onPair(pair);
    const key = [pair.local, pair.remote].map((end) => `${end.candidateType} ${end.protocol} ${end.port}`).join(' ');
    if (key === this.#pair) return;
    this.#pair = key;
    this.#hooks.record({
      kind: 'ice.selected_pair',
      summary: texts.event.selectedPair(pairWords(pair), endpoint(pair.local), endpoint(pair.remote)),
      attributes: { localCandidate: known({ ...pair.local }), remoteCandidate: known({ ...pair.remote }) },
    });
  }
}
