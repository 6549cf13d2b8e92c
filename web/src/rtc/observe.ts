import { texts } from '../texts';
import { type Candidate, endpoint, parseCandidate, relayProtocolOf } from './candidate';
import { known, type Recorder } from './recorder';

/** What the page shows of a connection while it comes up. */
export interface ConnectionView {
  signaling: RTCSignalingState;
  gathering: RTCIceGatheringState;
  ice: RTCIceConnectionState;
  dtls: RTCDtlsTransportState | undefined;
  connection: RTCPeerConnectionState;
}

/** Whom to tell what a connection does. */
export interface Observer {
  record: Recorder;
  onView: (view: ConnectionView) => void;
  /** A candidate of the browser's own; nothing when no more will come. */
  onCandidate: (line: string, candidate: Candidate | undefined) => void;
  /** The transport says that another pair carries the media now. */
  onPairChange: (local: RTCIceCandidate | null, remote: RTCIceCandidate | null) => void;
}

/** Records all that a connection's events tell. Call before the first offer is made. */
export function observe(pc: RTCPeerConnection, observer: Observer): void {
  const { record } = observer;
  const view = (): ConnectionView => ({
    signaling: pc.signalingState,
    gathering: pc.iceGatheringState,
    ice: pc.iceConnectionState,
    dtls: dtlsOf(pc)?.state,
    connection: pc.connectionState,
  });
  const changed = () => observer.onView(view());

  pc.addEventListener('signalingstatechange', () => {
    record({
      kind: 'pc.signaling_state',
      summary: texts.event.signalingState(pc.signalingState),
      attributes: { signalingState: pc.signalingState },
    });
    watchTransport(pc, observer, changed);
    changed();
  });
  pc.addEventListener('icegatheringstatechange', () => {
    record({
      kind: 'ice.gathering_state',
      summary: texts.event.gatheringState(pc.iceGatheringState),
      attributes: { iceGatheringState: pc.iceGatheringState },
    });
    changed();
  });
  pc.addEventListener('iceconnectionstatechange', () => {
    const state = pc.iceConnectionState;
    record({
      kind: 'ice.connection_state',
      level: state === 'failed' ? 'error' : state === 'disconnected' ? 'warn' : 'info',
      summary: texts.event.iceState(state),
      attributes: { iceState: state },
    });
    changed();
  });
  pc.addEventListener('connectionstatechange', () => {
    const state = pc.connectionState;
    record({
      kind: 'pc.connection_state',
      level: state === 'failed' ? 'error' : state === 'disconnected' ? 'warn' : 'info',
      summary: texts.event.connectionState(state),
      attributes: { connectionState: state },
    });
    changed();
  });
  pc.addEventListener('icecandidate', (event) => candidateGathered(event.candidate, serverOf(event), observer));
  pc.addEventListener('icecandidateerror', (error) => candidateFailed(error, record));
}

/** The server that a candidate comes from: on the candidate (webrtc-pc), or on its event, where earlier drafts and WebKit have it. */
export function serverOf(event: RTCPeerConnectionIceEvent): string | undefined {
  const { candidate, url } = event as { candidate: { url?: string | null } | null; url?: string | null };
  return candidate?.url || url || undefined;
}

function candidateGathered(gathered: RTCIceCandidate | null, url: string | undefined, observer: Observer): void {
  if (gathered === null || gathered.candidate === '') {
    // Firefox says the end of a generation with an empty candidate (webrtc-pc, icecandidate), Chromium only that of all gathering with null.
    if (gathered !== null || !endTold.has(observer)) {
      observer.record({ kind: 'ice.candidate', summary: texts.event.noMoreCandidates, attributes: { candidate: '' } });
      observer.onCandidate('', undefined);
    }
    endTold.add(observer);
    return;
  }
  const parsed = parseCandidate(gathered.candidate);
  const { relayProtocol } = gathered as RTCIceCandidate & { relayProtocol?: string | null };
  const toRelay = relayProtocol || (parsed?.candidateType === 'relay' && url ? relayProtocolOf(url) : undefined);
  const candidate: Candidate | undefined = parsed && {
    ...parsed,
    ...(url ? { url } : {}),
    ...(toRelay ? { relayProtocol: toRelay } : {}),
  };
  const lane = candidate?.candidateType === 'srflx' ? 'stun' : candidate?.candidateType === 'relay' ? 'turn' : 'web';
  observer.record({
    kind: 'ice.candidate',
    from: lane,
    to: 'web',
    summary: candidate ? texts.event.candidate(candidate.candidateType, endpoint(candidate), url) : gathered.candidate,
    attributes: known({ ...candidate, candidate: gathered.candidate, sdpMid: gathered.sdpMid }),
  });
  observer.onCandidate(gathered.candidate, candidate);
}

function candidateFailed(error: RTCPeerConnectionIceErrorEvent, record: Recorder): void {
  record({
    kind: 'ice.candidate_error',
    from: error.url.startsWith('turn') ? 'turn' : 'stun',
    to: 'web',
    level: 'warn',
    summary: texts.event.candidateError(error.url, error.errorCode, error.errorText),
    attributes: known({
      url: error.url,
      errorCode: error.errorCode,
      errorText: error.errorText,
      address: error.address,
      port: error.port,
    }),
  });
}

const watched = new WeakSet<object>();
const endTold = new WeakSet<object>();

/** The DTLS and ICE transports exist once a description is set. */
function watchTransport(pc: RTCPeerConnection, observer: Observer, changed: () => void): void {
  const dtls = dtlsOf(pc);
  if (!dtls || watched.has(dtls)) return;
  watched.add(dtls);
  dtls.addEventListener('statechange', () => {
    observer.record({
      kind: 'dtls.state',
      level: dtls.state === 'failed' ? 'error' : 'info',
      summary: texts.event.dtlsState(dtls.state),
      attributes: { dtlsState: dtls.state },
    });
    changed();
  });
  dtls.addEventListener('error', (event) => {
    const message = (event as RTCErrorEvent).error?.message ?? '';
    observer.record({
      kind: 'dtls.error',
      level: 'error',
      summary: texts.event.dtlsError(message),
      attributes: known({ message }),
    });
  });
  // Absent in Firefox: there, getStats tells the pair.
  const ice: RTCIceTransport | undefined = dtls.iceTransport;
  ice?.addEventListener?.('selectedcandidatepairchange', () => {
    const pair = ice.getSelectedCandidatePair?.();
    observer.onPairChange(pair?.local ?? null, pair?.remote ?? null);
  });
}

function dtlsOf(pc: RTCPeerConnection): RTCDtlsTransport | undefined {
  const transceiver = pc.getTransceivers()[0];
  return transceiver?.receiver.transport ?? transceiver?.sender.transport ?? undefined;
}
