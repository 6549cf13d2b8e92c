import type { Fetch } from '../api';
import type { SessionOpened } from '../generated/SessionOpened';
import { texts } from '../texts';
import type { Stage } from './attempt';
import { type Candidate, parseCandidate } from './candidate';
import { type FirstFrame, watchFrames } from './frames';
import { type ConnectionView, observe } from './observe';
import { known, type Recorder } from './recorder';
import { Resource } from './resource';
import { Sampler } from './sampler';
import { candidatesOf, placeOf } from './sdpfrag';
import { stageOf } from './stage';
import type { SelectedPair, VideoFigures } from './stats';
import { Trickle } from './trickle';

/** Whom to tell what the connection does. */
export interface LinkHooks {
  record: Recorder;
  onStage: (stage: Stage) => void;
  /** The connection object was made, at this `performance.now()`. */
  onCreated: (at: number) => void;
  onView: (view: ConnectionView) => void;
  onLocal: (candidate: Candidate) => void;
  onRemote: (candidates: Candidate[]) => void;
  onPair: (pair: SelectedPair) => void;
  onFigures: (figures: VideoFigures) => void;
  /** What the page itself measured of the picture, for the statistics. */
  measured?: () => Record<string, unknown>;
  onDecoded: (at: number) => void;
  onFirstFrame: (frame: FirstFrame) => void;
}

/** What the link takes of the attempt's options. */
export interface LinkOptions {
  endpoint: string;
  video?: HTMLVideoElement;
  stream?: MediaStream;
  fetch: Fetch;
  certificate: () => RTCCertificate | undefined;
  later: (what: () => void) => void;
}

/** How long the connection stays open for an answer to the DELETE. */
const DELETE_WITHIN_MS = 1000;

/** One RTCPeerConnection and its WHEP or WHIP resource. */
export class Link {
  readonly #options: LinkOptions;
  readonly #hooks: LinkHooks;
  readonly #pc: RTCPeerConnection;
  readonly #resource: Resource;
  readonly #trickle: Trickle;
  readonly #sampler: Sampler;
  /** The daemon's candidates that came before its answer. */
  #early: { candidate: string; ufrag: string }[] = [];
  #answered = false;
  #connected = false;
  #remote = new Set<string>();
  #ended = false;
  #shown: MediaStream | null = null;
  #unwatch = () => {};

  constructor(session: SessionOpened, options: LinkOptions, hooks: LinkHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#resource = new Resource(options.fetch, options.endpoint, session);
    this.#trickle = new Trickle({
      patch: (fragment) => this.#resource.patch(fragment),
      onSent: (candidates, end, patched) => {
        hooks.record({
          kind: 'signalling.candidate.sent',
          to: 'signalling',
          level: patched.outcome === 'stale' ? 'warn' : 'info',
          summary: texts.event.candidatesSent(candidates.length, end, patched.outcome),
          attributes: { candidates, endOfCandidates: end, outcome: patched.outcome },
        });
      },
      onError: (error) =>
        hooks.record({
          kind: 'signalling.candidate.failed',
          to: 'signalling',
          level: 'error',
          summary: texts.describe(error),
        }),
    });
    const certificate = options.certificate();
    const created = performance.now();
    this.#pc = new RTCPeerConnection({
      iceServers: session.ice_servers,
      ...(certificate && { certificates: [certificate] }),
    });
    hooks.onCreated(created);
    hooks.record({
      kind: 'pc.created',
      at: created,
      summary: texts.event.created(session.ice_servers.length),
      attributes: { iceServers: session.ice_servers.flatMap((server) => server.urls) },
    });
    this.#sampler = new Sampler(this.#pc, { ...hooks, later: options.later });
    observe(this.#pc, {
      record: hooks.record,
      onView: (view) => this.#viewed(view),
      onCandidate: (line, candidate) => {
        if (candidate !== undefined) hooks.onLocal(candidate);
        // Firefox gathers for RTCP, too; with rtcp-mux, which WebRTC requires (RFC 8834 §4.5), that component is never used.
        if (candidate === undefined || candidate.component === 1) this.#trickle.add(line);
      },
      onPairChange: (local, remote) => this.#sampler.pairChanged(local, remote),
    });
    this.#media();
  }

  /** Makes the offer and sets it: gathering begins. */
  async describe(): Promise<void> {
    // Without an argument the browser makes the offer on the way : one turn less than by createOffer.
    await this.#pc.setLocalDescription();
  }

  /** Sends the offer as it stands, without waiting for candidates, and sets the answer. May be called again after a 503. */
  async signal(): Promise<void> {
    const { record } = this.#hooks;
    const sdp = this.#pc.localDescription?.sdp ?? '';
    const { endpoint } = this.#options;
    const sent = performance.now();
    const answering = this.#resource.offer(sdp);
    record({
      at: sent,
      kind: 'signalling.offer.sent',
      to: 'signalling',
      summary: texts.event.offerSent(endpoint),
      attributes: { endpoint, sdp },
    });
    this.#show();
    const answer = await answering;
    const received = performance.now();
    if (this.#ended) {
      await this.#resource.remove();
      return;
    }
    // First of all: from here the connection comes up on threads of its own, beside what else is to be done.
    const set = this.#pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    record({
      at: received,
      kind: 'signalling.answer.received',
      from: 'signalling',
      summary: texts.event.answerReceived(answer.status, candidatesOf(answer.sdp).length),
      attributes: known({ httpStatus: answer.status, location: answer.location, etag: answer.etag, sdp: answer.sdp }),
    });
    this.#hooks.onStage('connecting');
    // From here, and not only once it is connected: what was sent over pairs that never came up is what a failure is judged by.
    this.#sampler.start();
    const place = placeOf(sdp);
    if (place !== undefined) this.#trickle.ready(place, candidatesOf(sdp));
    await set;
    this.#answered = true;
    this.#showRemote(candidatesOf(answer.sdp), placeOf(answer.sdp)?.ufrag ?? '');
    for (const { candidate, ufrag } of this.#early.splice(0)) this.remoteCandidate(candidate, ufrag);
  }

  /** One of the daemon's candidates; an empty one says that no more will come. */
  remoteCandidate(candidate: string, ufrag: string): void {
    if (this.#ended) return;
    if (!this.#answered) {
      this.#early.push({ candidate, ufrag });
      return;
    }
    if (this.#remote.has(candidate + ufrag)) return;
    this.#showRemote([candidate], ufrag);
    const init: RTCIceCandidateInit = { candidate, sdpMLineIndex: 0 };
    if (ufrag !== '') init.usernameFragment = ufrag;
    this.#pc.addIceCandidate(init).catch((error: unknown) => {
      if (this.#ended) return;
      this.#hooks.record({
        kind: 'ice.remote_candidate.failed',
        level: 'warn',
        summary: texts.describe(error),
        attributes: { candidate },
      });
    });
  }

  /** Ends the session at the daemon and closes the connection. */
  async close(): Promise<void> {
    this.#hide();
    // The DELETE goes first: else the daemon may see the DTLS close before it, and take it for the reason.
    const late = new Promise((resolve) => setTimeout(resolve, DELETE_WITHIN_MS));
    try {
      await Promise.race([this.#resource.remove(), late]);
    } finally {
      this.end();
    }
  }

  /** The page goes away. */
  leave(): void {
    void this.#resource.remove(true).catch(() => {
      // Nobody is left to be told; the daemon notices a vanished browser by itself.
    });
    this.end();
  }

  /** Closes the connection here only. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#trickle.stop();
    this.#sampler.stop();
    this.#unwatch();
    this.#pc.close();
    this.#hide();
  }

  #media(): void {
    const { stream } = this.#options;
    if (stream !== undefined) {
      for (const track of stream.getTracks())
        this.#pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
      return;
    }
    const { receiver } = this.#pc.addTransceiver('video', { direction: 'recvonly' });
    const { track } = receiver;
    const { record } = this.#hooks;
    this.#pc.addEventListener('track', () => {
      record({
        kind: 'media.track',
        from: 'peer',
        summary: texts.event.track,
        attributes: { kind: track.kind, id: track.id },
      });
    });
    // A remote track is unmuted by its first RTP packet (webrtc-pc, RTCRtpReceiver).
    track.addEventListener(
      'unmute',
      () =>
        record({
          kind: 'media.first_packet',
          from: 'peer',
          summary: texts.event.firstPacket,
          attributes: { source: 'unmute' },
        }),
      { once: true },
    );
  }

  /** The receiver's track exists before the answer: the video element gets ready while the offer is on its way. */
  #show(): void {
    const { video } = this.#options;
    const track = this.#pc.getTransceivers()[0]?.receiver.track;
    if (video === undefined || track === undefined || this.#shown !== null) return;
    const { record, onDecoded, onFirstFrame } = this.#hooks;
    this.#unwatch = watchFrames(
      video,
      (at) => {
        onDecoded(at);
        record({ kind: 'media.first_decoded', at, from: 'peer', summary: texts.event.firstDecoded });
      },
      (frame) => {
        onFirstFrame(frame);
        const { width, height } = frame;
        record({
          kind: 'media.first_frame',
          at: frame.at,
          from: 'peer',
          summary: texts.event.firstFrame(width, height),
          attributes: known({ frameWidth: width, frameHeight: height, ...frame.metadata }),
        });
        this.#sampler.sample();
      },
    );
    this.#shown = new MediaStream([track]);
    video.srcObject = this.#shown;
    video.play().then(
      () =>
        record({
          kind: 'media.play',
          summary: texts.event.played,
          attributes: { outcome: 'playing', muted: video.muted },
        }),
      (error: unknown) => this.#notPlayed(video, error),
    );
  }

  /** Superseded by a stop (`AbortError`), or not allowed (`NotAllowedError`): then the element's own controls start it. */
  #notPlayed(video: HTMLVideoElement, error: unknown): void {
    const { name, message } =
      error instanceof Error || error instanceof DOMException ? error : new Error(String(error));
    this.#hooks.record({
      kind: 'media.play',
      level: name === 'AbortError' ? 'debug' : 'warn',
      summary: texts.event.notPlayed(name, message),
      attributes: { outcome: name === 'NotAllowedError' ? 'not-allowed' : 'failed', name, message, muted: video.muted },
    });
  }

  /** Takes the picture away, unless another session's is shown by now. */
  #hide(): void {
    const { video } = this.#options;
    if (video !== undefined && video.srcObject === this.#shown) video.srcObject = null;
  }

  #viewed(view: ConnectionView): void {
    if (this.#ended) return;
    this.#hooks.onView(view);
    this.#sampler.soon();
    const stage = stageOf(view, this.#connected);
    if (stage === undefined) return;
    this.#connected ||= stage === 'connected';
    this.#hooks.onStage(stage);
    if (view.connection === 'failed') this.#sampler.sample();
  }

  /** The daemon may say a candidate twice: in its answer and on the live channel. */
  #showRemote(lines: string[], ufrag: string): void {
    for (const line of lines) this.#remote.add(line + ufrag);
    const parsed = lines.map(parseCandidate).filter((candidate) => candidate !== undefined);
    if (parsed.length > 0) this.#hooks.onRemote(parsed);
  }
}
