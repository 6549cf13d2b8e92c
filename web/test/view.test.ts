import { describe, expect, test } from 'vitest';
import { endpoint, parseCandidate } from '../src/rtc/candidate';
import { pairWords } from '../src/rtc/pair';
import { type Stat, selectedPair, statsAttributes, videoFigures } from '../src/rtc/stats';
import { bitRate, delta, milliseconds, time, uncertainty } from '../src/view/format';
import { drawn, WHOLE } from '../src/view/window';

describe('formats', () => {
  test.each([
    [0, '0.000'],
    [12_345, '12.345'],
    [-500, '-0.500'],
    [1_234_567_890, '1\u2009234\u2009567.890'],
  ])('%d µs as milliseconds', (value, text) => expect(time(value)).toBe(text));

  test.each([
    [1200, '+1.200'],
    [0, '+0.000'],
    [-80, '−0.080'],
  ])('a distance of %d µs', (value, text) => expect(delta(value)).toBe(text));

  test.each([
    [0, ''],
    [50, '±0.05'],
    [1234, '±1.2'],
    [45_000, '±45'],
  ])('an uncertainty of %d µs', (value, text) => expect(uncertainty(value)).toBe(text));

  test.each([
    [812, '812 bit/s'],
    [812_345, '812 kbit/s'],
    [999_600, '1.00 Mbit/s'],
    [2_500_000, '2.50 Mbit/s'],
  ])('%d bit/s', (value, text) => expect(bitRate(value)).toBe(text));

  test('milliseconds have as many digits as make sense', () => {
    expect([95.4, 1.26, 0.456].map(milliseconds)).toEqual(['95 ms', '1.3 ms', '0.46 ms']);
  });
});

describe('the part of a long list that is drawn', () => {
  test('a short list is drawn whole', () => {
    expect(drawn(WHOLE, 30, 0, 600)).toEqual({ first: 0, end: WHOLE, before: 0, after: 0 });
  });

  test.each([0, 1, 299, 30_000, 59_400])('at %d pixels all that is seen is drawn, and little more', (top) => {
    const part = drawn(2000, 30, top, 600);
    expect(part.first * 30).toBeLessThanOrEqual(top);
    expect(part.end * 30).toBeGreaterThanOrEqual(Math.min(top + 600, 60_000));
    expect(part.end - part.first).toBeLessThan(50);
    expect(part.before + (part.end - part.first) * 30 + part.after).toBe(60_000);
  });

  test('a list that shrank under a far scroll position shows its end', () => {
    const part = drawn(300, 30, 500_000, 600);
    expect(part.end).toBe(300);
    expect(part.first).toBeGreaterThan(250);
  });
});

describe('candidates', () => {
  test('are read with all that the line says', () => {
    const line =
      'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 5000 generation 0 ufrag ab network-cost 999';
    expect(parseCandidate(line)).toEqual({
      ...{ foundation: '842163049', component: 1, protocol: 'udp', priority: 1677729535, address: '203.0.113.7' },
      ...{ port: 46154, candidateType: 'srflx', relatedAddress: '10.0.0.5', relatedPort: 5000, usernameFragment: 'ab' },
    });
    expect(parseCandidate('a=candidate:1 1 TCP 1 2001:db8::1 9 typ host tcptype active')).toMatchObject({
      protocol: 'tcp',
      tcpType: 'active',
    });
    expect(parseCandidate('')).toBeUndefined();
    expect(parseCandidate('candidate:1 1 udp 1 192.0.2.1 9')).toBeUndefined();
  });

  test('are shown with brackets around IPv6 addresses', () => {
    expect(endpoint({ address: '2001:db8::1', port: 9 })).toBe('[2001:db8::1]:9');
    expect(endpoint({ address: 'ab.local', port: 9 })).toBe('ab.local:9');
    expect(endpoint({ address: null, port: 9 })).toBe('');
  });
});

const stat = (id: string, type: string, facts: Record<string, unknown>): Stat => ({ id, type, timestamp: 0, ...facts });
const local = stat('L', 'local-candidate', { candidateType: 'host', protocol: 'udp', address: '192.0.2.1', port: 1 });
const remote = stat('R', 'remote-candidate', { candidateType: 'host', protocol: 'udp', address: '192.0.2.2', port: 2 });
const pair = { localCandidateId: 'L', remoteCandidateId: 'R', state: 'succeeded' };

describe('the selected pair', () => {
  test('is the transport’s own, even where another is nominated', () => {
    const stats = [
      stat('T', 'transport', { selectedCandidatePairId: 'P2' }),
      stat('P1', 'candidate-pair', { ...pair, nominated: true }),
      stat('P2', 'candidate-pair', { ...pair, currentRoundTripTime: 0.004 }),
      ...[local, remote],
    ];
    expect(selectedPair(stats)).toMatchObject({ id: 'P2', roundTripTime: 0.004, remote: { address: '192.0.2.2' } });
  });

  test('is Firefox’s «selected» one where the transport does not say', () => {
    const stats = [
      stat('P1', 'candidate-pair', pair),
      stat('P2', 'candidate-pair', { ...pair, selected: true }),
      ...[local, remote],
    ];
    expect(selectedPair(stats)?.id).toBe('P2');
  });

  test('is not guessed', () => {
    expect(selectedPair([stat('P1', 'candidate-pair', pair), local, remote])).toBeUndefined();
  });

  test.each([
    ['host', 'host', /^direct, host to host, UDP over IPv4$/],
    ['prflx', 'host', /^direct \(one end/],
    ['srflx', 'host', /^direct through NAT/],
    ['relay', 'host', /^through the browser’s TURN relay, TCP/],
    ['host', 'relay', /^through the daemon’s TURN relay, UDP/],
  ])('%s to %s in words', (ours, theirs, words) => {
    const end = { foundation: '', component: 1, protocol: 'udp', priority: 0, address: '192.0.2.1', port: 1 };
    const text = pairWords({
      id: '',
      roundTripTime: undefined,
      local: { ...end, candidateType: ours, relayProtocol: 'tcp' },
      remote: { ...end, candidateType: theirs },
    });
    expect(text).toMatch(words);
  });
});

describe('statistics', () => {
  const inbound = (timestamp: number, bytesReceived: number) =>
    ({
      ...stat('I', 'inbound-rtp', { kind: 'video', codecId: 'C', bytesReceived, frameWidth: 640 }),
      timestamp,
    }) as Stat;
  const codec = stat('C', 'codec', { mimeType: 'video/VP8' });

  test('the bit rate comes from two reports', () => {
    expect(videoFigures([inbound(3000, 225_000), codec], inbound(1000, 100_000))).toMatchObject({
      codec: 'VP8',
      width: 640,
      bitRate: 500_000,
    });
    expect(videoFigures([inbound(3000, 225_000)], undefined)?.bitRate).toBeUndefined();
    expect(videoFigures([codec], undefined)).toBeUndefined();
  });

  test('the record keeps pairs, transport and streams under their own names, and what they refer to once', () => {
    const told = new Set<string>();
    const unused = stat('C9', 'codec', { mimeType: 'video/AV1' });
    const certificate = stat('F1', 'certificate', { fingerprint: 'AB:CD', base64Certificate: 'MIIB' });
    const stats = [inbound(0, 1), codec, unused, stat('P', 'candidate-pair', pair), local, certificate];
    const first = statsAttributes(stats, told);
    expect(Object.keys(first)).toEqual(['inbound-rtp', 'codec', 'candidate-pair', 'local-candidate', 'certificate']);
    expect(first.codec, 'the codec that something goes by').toEqual([codec]);
    expect(first.certificate).toEqual([stat('F1', 'certificate', { fingerprint: 'AB:CD' })]);
    expect(Object.keys(statsAttributes(stats, told))).toEqual(['inbound-rtp', 'candidate-pair']);
  });
});
