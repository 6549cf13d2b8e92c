import { describe, expect, test, vi } from 'vitest';
import { fromClientHints, fromUserAgent } from '../src/rtc/browser';
import { relayProtocolOf } from '../src/rtc/candidate';
import { dtlsFacts, dtlsVersion, withFingerprints } from '../src/rtc/dtls';
import type { Note } from '../src/rtc/recorder';
import type { Stat } from '../src/rtc/stats';
import { pageFacts, type Surroundings, watchSurroundings } from '../src/rtc/surroundings';

const CHROMIUM =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const SAFARI =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15';

describe('the browser’s name', () => {
  test.each([
    [CHROMIUM, 'Chrome', '156.0.0.0'],
    [`${CHROMIUM} Edg/156.0.0.0`, 'Edge', '156.0.0.0'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'Firefox', '153.0'],
    [SAFARI, 'Safari', '18.5'],
  ])('is read from %s', (userAgent, browser, version) => {
    expect(fromUserAgent(userAgent)).toEqual({ browser, version });
  });

  test('is absent where the string names none', () => {
    expect(fromUserAgent('curl/8.9')).toEqual({});
  });

  test('comes whole from the client hints, whatever else stands in their list', async () => {
    const list = (...brands: string[]) =>
      fromClientHints({
        ...{ mobile: false, platform: 'Linux' },
        getHighEntropyValues: async () => ({
          fullVersionList: [
            { brand: 'Not:A-Brand', version: '8' },
            ...brands.map((brand) => ({ brand, version: '156.1' })),
          ],
          platformVersion: '',
        }),
      });
    expect(await list('Chromium')).toEqual({ browser: 'Chromium', version: '156.1', platform: 'Linux', mobile: false });
    expect(await list('Chromium', 'Google Chrome')).toMatchObject({ browser: 'Google Chrome' });
    expect(await fromClientHints(undefined)).toBeUndefined();
  });
});

describe('DTLS', () => {
  const stat = (id: string, type: string, facts: object): Stat => ({ id, type, timestamp: 0, ...facts });
  const certificates = [
    stat('L', 'certificate', { fingerprint: 'AA', fingerprintAlgorithm: 'sha-256', base64Certificate: 'MIIB' }),
    stat('R', 'certificate', { fingerprint: 'BB', fingerprintAlgorithm: 'sha-256' }),
  ];

  test('is told with its certificates once it is connected', () => {
    const transport = {
      ...{ dtlsState: 'connected', dtlsRole: 'client', tlsVersion: 'FEFD', srtpCipher: 'AEAD_AES_128_GCM' },
      ...{ localCertificateId: 'L', remoteCertificateId: 'R' },
    };
    expect(dtlsFacts([stat('T', 'transport', transport), ...certificates])).toEqual({
      ...{ dtlsState: 'connected', dtlsRole: 'client', tlsVersion: 'FEFD', srtpCipher: 'AEAD_AES_128_GCM' },
      localCertificate: { fingerprint: 'AA', fingerprintAlgorithm: 'sha-256' },
      remoteCertificate: { fingerprint: 'BB', fingerprintAlgorithm: 'sha-256' },
    });
    expect(dtlsFacts([stat('T', 'transport', { ...transport, dtlsState: 'connecting' })])).toBeUndefined();
  });

  test('has the fingerprints of the descriptions where the statistics have none', () => {
    const sdp = (value: string) => `v=0\r\na=fingerprint:sha-256 ${value}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n`;
    const bare = { dtlsState: 'connected' };
    expect(withFingerprints(bare, sdp('0A:1B'), sdp('2C:3D'))).toEqual({
      ...bare,
      localCertificate: { fingerprint: '0A:1B', fingerprintAlgorithm: 'sha-256' },
      remoteCertificate: { fingerprint: '2C:3D', fingerprintAlgorithm: 'sha-256' },
    });
    const told = { ...bare, localCertificate: { fingerprint: 'AA', fingerprintAlgorithm: 'sha-256' } };
    expect(withFingerprints(told, sdp('0A:1B'), undefined)).toEqual(told);
  });

  test('has its version in words, and an unknown one as it was told', () => {
    expect([dtlsVersion('FEFD'), dtlsVersion('fefc'), dtlsVersion('0304'), dtlsVersion(undefined)]).toEqual([
      ...['DTLS 1.2', 'DTLS 1.3', '0304', 'DTLS'],
    ]);
  });
});

test('how a relay is spoken to is in its URL', () => {
  const urls = ['turn:a', 'turn:a:3478?transport=udp', 'turn:a?transport=tcp', 'turns:a:5349?transport=tcp', 'stun:a'];
  expect(urls.map(relayProtocolOf)).toEqual(['udp', 'udp', 'tcp', 'tls', undefined]);
});

/** A page of which everything can be said. */
function surroundings(facts: object = {}) {
  const window = new EventTarget();
  const document = new EventTarget();
  const all = {
    window: Object.assign(window, { isSecureContext: true, location: { origin: 'https://robot.example' } }),
    document: Object.assign(document, { visibilityState: 'visible' }),
    navigator: { userAgent: CHROMIUM, language: 'en', onLine: true, ...facts },
  };
  return all as unknown as Surroundings & typeof all;
}

function watched(page: Surroundings) {
  const notes: Note[] = [];
  const stop = new AbortController();
  watchSurroundings(page, (note) => notes.push(note), stop.signal);
  const of = (kind: string) => notes.filter((note) => note.kind === kind);
  return { notes, of, stop };
}

describe('the page’s surroundings', () => {
  test('begin with what is known at once', () => {
    const notes: Note[] = [];
    pageFacts(surroundings(), (note) => notes.push(note));
    expect(notes.map((note) => note.kind)).toEqual(['page.secure_context', 'page.user_agent']);
    expect(notes[0]?.attributes).toEqual({
      isSecureContext: true,
      origin: 'https://robot.example',
      mediaDevices: false,
    });
    expect(notes[1]?.attributes).toMatchObject({ browser: 'Chrome', onLine: true, visibilityState: 'visible' });
  });

  test('tell what changes, until the session is over', () => {
    const page = surroundings();
    const { of, stop } = watched(page);
    page.navigator.onLine = false;
    page.window.dispatchEvent(new Event('offline'));
    page.document.visibilityState = 'hidden';
    page.document.dispatchEvent(new Event('visibilitychange'));
    expect(of('page.online')).toMatchObject([{ level: 'warn', attributes: { onLine: false } }]);
    expect(of('page.visibility')).toMatchObject([{ attributes: { visibilityState: 'hidden' } }]);
    stop.abort();
    page.window.dispatchEvent(new Event('offline'));
    expect(of('page.online')).toHaveLength(1);
  });

  test('name the network where the browser does', () => {
    const connection = Object.assign(new EventTarget(), { type: 'wifi', effectiveType: '4g', rtt: 50 });
    const { of } = watched(surroundings({ connection }));
    connection.type = 'cellular';
    connection.dispatchEvent(new Event('change'));
    expect(of('page.network').map((note) => note.attributes?.type)).toEqual(['wifi', 'cellular']);
  });

  test('tell permissions; a name that the browser does not know is unknown, and a change is told', async () => {
    const status = Object.assign(new EventTarget(), { state: 'prompt' });
    const query = vi.fn(async ({ name }: { name: string }) => {
      if (name === 'local-network-access') throw new TypeError('not a valid value for enumeration PermissionName');
      return name === 'local-network' ? status : Object.assign(new EventTarget(), { state: 'granted' });
    });
    const { of } = watched(surroundings({ permissions: { query } }));
    await vi.waitFor(() => expect(of('page.permissions')).toHaveLength(1));
    expect(of('page.permissions')[0]?.attributes).toEqual({
      ...{ camera: 'granted', microphone: 'granted', 'loopback-network': 'granted' },
      ...{ 'local-network': 'prompt', 'local-network-access': 'unknown' },
    });
    status.state = 'denied';
    status.dispatchEvent(new Event('change'));
    expect(of('page.permissions')[1]).toMatchObject({ level: 'warn', attributes: { 'local-network': 'denied' } });
  });

  test('without any of it (Safari has neither client hints nor a network) say what is unknown and no more', async () => {
    const { notes, of } = watched(surroundings({ userAgent: SAFARI }));
    await vi.waitFor(() => expect(of('page.permissions')).toHaveLength(1));
    expect(notes.map((note) => note.kind)).toEqual(['page.permissions']);
    expect(new Set(Object.values(notes[0]?.attributes ?? {}))).toEqual(new Set(['unknown']));
  });
});
