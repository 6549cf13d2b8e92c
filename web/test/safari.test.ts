// Safari's dialect, as WebKit's interface definitions (Source/WebCore/Modules/mediastream/*.idl) have it. No Safari has run this page.
import { describe, expect, test } from 'vitest';
import { dtlsFacts, withFingerprints } from '../src/rtc/dtls';
import { observe } from '../src/rtc/observe';
import type { Note } from '../src/rtc/recorder';
import { type Stat, selectedPair, statsAttributes, videoFigures } from '../src/rtc/stats';

/** As much of WebKit's RTCPeerConnection as is observed: the server's URL is on the event, and the candidate has neither it nor a relay protocol. */
class WebKitConnection extends EventTarget {
  signalingState = 'stable';
  iceGatheringState = 'new';
  iceConnectionState = 'new';
  connectionState = 'new';
  readonly dtls = Object.assign(new EventTarget(), { state: 'new', iceTransport: Object.assign(new EventTarget()) });
  getTransceivers() {
    return [{ receiver: { transport: this.dtls }, sender: {} }];
  }
  say(type: string, facts: object = {}, target: EventTarget = this) {
    target.dispatchEvent(Object.assign(new Event(type), facts));
  }
  gather(candidate: string, url: string | null) {
    this.say('icecandidate', { candidate: { candidate, sdpMid: '0', sdpMLineIndex: 0 }, url });
  }
}

function observed() {
  const pc = new WebKitConnection();
  const notes: Note[] = [];
  const lines: string[] = [];
  observe(pc as unknown as RTCPeerConnection, {
    record: (note) => notes.push(note),
    onView: () => {},
    onCandidate: (line) => lines.push(line),
    onPairChange: () => {},
  });
  const of = (kind: string) => notes.filter((note) => note.kind === kind);
  return { pc, of, lines };
}

describe('Safari', () => {
  test('names the server on the event; what a relay is spoken to by is read from it', () => {
    const { pc, of, lines } = observed();
    pc.gather('candidate:1 1 udp 2113937151 7d2c2f5a.local 52001 typ host generation 0', null);
    pc.gather(
      'candidate:2 1 udp 1677729535 203.0.113.7 52001 typ srflx raddr 0.0.0.0 rport 0 generation 0',
      'stun:198.51.100.1:3478',
    );
    pc.gather(
      'candidate:3 1 udp 8191999 198.51.100.1 60000 typ relay raddr 203.0.113.7 rport 52001 generation 0',
      'turn:198.51.100.1:3478?transport=tcp',
    );
    pc.say('icecandidate', { candidate: null, url: null });
    const [host, srflx, relay, end] = of('ice.candidate').map((note) => note.attributes);
    expect(host).not.toHaveProperty('url');
    expect(srflx).toMatchObject({ candidateType: 'srflx', url: 'stun:198.51.100.1:3478', priority: 1677729535 });
    expect(srflx).not.toHaveProperty('relayProtocol');
    expect(relay).toMatchObject({ candidateType: 'relay', relayProtocol: 'tcp' });
    expect(end).toEqual({ candidate: '' });
    expect(lines).toHaveLength(4);
  });

  test('may name no server: the candidate is told without one', () => {
    const { pc, of } = observed();
    pc.gather('candidate:3 1 udp 8191999 198.51.100.1 60000 typ relay raddr 0.0.0.0 rport 0', null);
    expect(of('ice.candidate')[0]?.attributes).not.toHaveProperty('relayProtocol');
  });

  test('tells errors with and without an address', () => {
    const { pc, of } = observed();
    const error = { url: 'turn:198.51.100.1', errorCode: 401, errorText: 'Unauthorized' };
    pc.say('icecandidateerror', { ...error, address: null, port: null });
    pc.say('icecandidateerror', { ...error, address: '192.168.1.x', port: 52001 });
    expect(of('ice.candidate_error').map((note) => note.attributes)).toEqual([
      error,
      { ...error, address: '192.168.1.x', port: 52001 },
    ]);
  });

  test('tells the state of DTLS; an ICE transport that names no pair does no harm', () => {
    const { pc, of } = observed();
    pc.say('signalingstatechange');
    pc.dtls.state = 'connected';
    pc.say('statechange', {}, pc.dtls);
    pc.say('selectedcandidatepairchange', {}, pc.dtls.iceTransport);
    expect(of('dtls.state')[0]?.attributes).toEqual({ dtlsState: 'connected' });
  });

  test('has statistics without a decoder’s name, a network’s type and some addresses', () => {
    const stat = (id: string, type: string, facts: object): Stat => ({ id, type, timestamp: 1000, ...facts });
    const transport = { dtlsState: 'connected', selectedCandidatePairId: 'P', tlsVersion: 'FEFD', dtlsRole: 'client' };
    const stats = [
      stat('T', 'transport', transport),
      stat('P', 'candidate-pair', {
        state: 'succeeded',
        nominated: true,
        localCandidateId: 'L',
        remoteCandidateId: 'R',
      }),
      stat('L', 'local-candidate', { candidateType: 'host', protocol: 'udp', port: 52001, address: null }),
      stat('R', 'remote-candidate', { candidateType: 'host', protocol: 'udp', port: 40000, address: '198.51.100.9' }),
      stat('I', 'inbound-rtp', { kind: 'video', framesDecoded: 7, frameWidth: 640, frameHeight: 480 }),
    ];
    expect(selectedPair(stats)).toMatchObject({ local: { address: '', port: 52001 }, roundTripTime: undefined });
    expect(videoFigures(stats, undefined)).toMatchObject({
      framesDecoded: 7,
      codec: undefined,
      packetsLost: undefined,
    });
    expect(Object.keys(statsAttributes(stats, new Set()))).toContain('transport');
    const facts = dtlsFacts(stats);
    expect(facts).toEqual({ dtlsState: 'connected', tlsVersion: 'FEFD', dtlsRole: 'client' });
    if (facts !== undefined) expect(withFingerprints(facts, 'v=0', undefined)).toEqual(facts);
  });
});
