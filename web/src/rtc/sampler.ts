import { texts } from '../texts';
import { endpoint, parseCandidate } from './candidate';
import { dtlsFacts, dtlsVersion, withFingerprints } from './dtls';
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
/** Between two samples for changed states at least: ICE, DTLS and the connection change together. */
const LEAST_MS = 200;
/** Rates of a shorter time than this are noise: such a sample goes into the record only. */
const LEAST_RATE_MS = 500;

/** Whom to tell. */
export interface SamplerHooks {
  record: Recorder;
  onPair: (pair: SelectedPair) => void;
  onFigures: (figures: VideoFigures) => void;
  /** Does something once the set-up, which it would slow, is over or has taken long enough. */
  later: (what: () => void) => void;
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
  #soon: ReturnType<typeof setTimeout> | undefined;
  #waits = false;
  #sampled = Number.NEGATIVE_INFINITY;
  /** What DTLS agreed on, as it was told last. */
  #dtls = '';
  /** Candidates, codecs and certificates that were recorded already: they do not change, so each goes into the record once. */
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
    clearTimeout(this.#soon);
  }

  /** A state has changed: one sample, as soon as the set-up allows it and the last one is not too near. */
  soon(): void {
    if (this.#stopped || this.#waits) return;
    this.#waits = true;
    this.#hooks.later(() => {
      if (this.#stopped) return;
      const wait = Math.max(0, this.#sampled + LEAST_MS - performance.now());
      this.#soon = setTimeout(() => {
        this.#waits = false;
        this.sample();
      }, wait);
    });
  }

  /** One sample now. */
  sample(): void {
    this.#sampled = performance.now();
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
    const [before, inbound] = [this.#before, inboundVideo(stats)];
    const near = before?.id === inbound?.id && (inbound?.timestamp ?? 0) - (before?.timestamp ?? 0) < LEAST_RATE_MS;
    const figures = near ? undefined : videoFigures(stats, before);
    if (!near) this.#before = inbound ?? before;
    if (figures !== undefined) this.#hooks.onFigures(figures);
    const pair = selectedPair(stats);
    if (pair !== undefined) this.#tell(pair);
    this.#tellDtls(stats);
    this.#hooks.record({
      kind: 'stats',
      level: 'debug',
      summary: texts.event.stats(figures?.framesDecoded, figures?.bitRate, pair?.roundTripTime),
      attributes: { ...statsAttributes(stats, this.#candidates), ...this.#hooks.measured?.() },
    });
  }

  /** Records what DTLS agreed on, once it is told, and again if it is another. */
  #tellDtls(stats: readonly Stat[]): void {
    const told = dtlsFacts(stats);
    if (told === undefined) return;
    const { localDescription, remoteDescription } = this.#pc;
    const facts = withFingerprints(told, localDescription?.sdp, remoteDescription?.sdp);
    const key = JSON.stringify(facts);
    if (key === this.#dtls) return;
    this.#dtls = key;
    const ciphers = [facts.dtlsCipher, facts.srtpCipher].filter((name) => name !== undefined).join(', ');
    this.#hooks.record({
      kind: 'dtls.parameters',
      summary: texts.event.dtls(dtlsVersion(facts.tlsVersion), facts.dtlsRole, ciphers),
      attributes: { ...facts },
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
