import { describe, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import { readIce } from '../src/state/ice/ice';
import { MOST_BYTES, readFile, readText } from '../src/state/import/file';
import { type DumpedConnection, readInternals } from '../src/state/import/internals';
import { readEntry } from '../src/state/import/internals-log';
import { ImportProblem } from '../src/state/import/problem';
import { readRecordDocument } from '../src/state/import/record';
// What the page has exported of a real session with Chromium, play and stop.
import EXPORT from './records/export.json?raw';
// A record as the daemon gave it, of the days before it named its format.
import OLD from './records/old-export.json?raw';
// What Chromium 156 of Debian 12 downloads from chrome://webrtc-internals; fields that nobody reads are taken out.
import DUMP from './records/webrtc_internals_dump.txt?raw';

const EVENT: Event = {
  ...{ sequence: 0, time: 5, uncertainty: 0, seenBy: 'daemon', from: 'web', to: 'peer', kind: 'stun.binding.request' },
  ...{ evidence: 'packet', level: 'info', summary: 'Binding request', attributes: {} },
};
const HEAD = { id: '0'.repeat(32), openedUnixMs: 1_700_000_000_000, state: 'closed', closed: null };
const RECORD = { format: 'icescope.session/1', session: HEAD, events: [EVENT] };

/** What is said of a file that cannot be shown. */
function said(text: string): string {
  try {
    readText(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ImportProblem);
    return (error as Error).message;
  }
  throw new Error('it was read');
}

describe('a record', () => {
  test('that the page has exported is read whole, with what its views do not need', () => {
    const found = readText(EXPORT);
    if (found.format !== 'icescope') throw new Error(found.format);
    const { record } = found;
    expect(record.events).toHaveLength(125);
    expect(record.session.verdict?.outcome).toBe('connected');
    expect(record.session.ended).toBe(475383);
    expect(Object.keys(record.document)).toEqual(expect.arrayContaining(['format', 'pairs', 'clock', 'until']));
    expect(readIce(record.events).selections.browser).toBeDefined();
  });

  test('of a real session is read whole', () => {
    const found = readText(OLD);
    if (found.format !== 'icescope') throw new Error(found.format);
    expect(found.record.events).toHaveLength(17);
    expect(found.record.session.verdict?.outcome).toBe('failed');
    expect(found.record.redacted).toBe(false);
  });

  test('keeps what this page does not know', () => {
    const { document, events } = readRecordDocument({ ...RECORD, later: { a: 1 }, events: [{ ...EVENT, more: true }] });
    expect(document.later).toEqual({ a: 1 });
    expect(events[0]).toHaveProperty('more', true);
  });

  test.each([
    ['an event’s time', { ...RECORD, events: [EVENT, { ...EVENT, sequence: 1, time: 'soon' }] }, '/events/1/time'],
    ['a lane', { ...RECORD, events: [{ ...EVENT, to: 'moon' }] }, '/events/0/to'],
    ['the attributes', { ...RECORD, events: [{ ...EVENT, attributes: [] }] }, '/events/0/attributes'],
    ['the events', { ...RECORD, events: { '0': EVENT } }, '/events'],
    ['the head', { ...RECORD, session: undefined }, '/session'],
    ['the verdict', { ...RECORD, session: { ...HEAD, verdict: { outcome: 'good' } } }, '/session/verdict/outcome'],
    ['a report', { ...RECORD, reports: [{ probe: 'nat' }] }, '/reports/0/schema'],
  ])('with a fault in %s says where it is and what is due', (_, document, pointer) => {
    const words = said(JSON.stringify(document));
    expect(words).toContain(pointer);
    expect(words).toContain('is due');
  });

  test('with one number twice is refused: the views know events by their numbers', () => {
    expect(said(JSON.stringify({ ...RECORD, events: [EVENT, EVENT] }))).toContain('number 0');
  });

  test('of another major version is refused with both versions’ names; of another minor one it is read', () => {
    const words = said(JSON.stringify({ ...RECORD, format: 'icescope.session/2' }));
    expect(words).toContain('icescope.session/2');
    expect(words).toContain('icescope.session/1');
    expect(readRecordDocument({ ...RECORD, format: 'icescope.session/1.4' }).events).toHaveLength(1);
  });
});

describe('a file that is something else', () => {
  test.each([
    ['nothing', '', 'empty'],
    ['a cut download', OLD.slice(0, 1000), 'not JSON'],
    ['a list', '[1]', 'an object'],
    ['another document', '{"a": 1, "b": 2}', 'a, b'],
    ['a web page', '<!doctype html><title>x</title>', 'web page'],
    ['Firefox’s about:webrtc', '<html><head><title>about:webrtc</title>', 'Firefox'],
    ['an rtcstats dump', 'RTCStatsDump\n{"fileFormat":3}\n', 'webrtc-internals dump'],
    ['a dump without connections', '{"PeerConnections": {}}', 'no connection'],
    [
      'a dump of an old browser',
      '{"PeerConnections": {"1-1": {"updateLog": [], "stats": {"Conn-a-googRtt": {"statsType": "googCandidatePair", "values": "[1]"}}}}}',
      'old browser',
    ],
    [
      'a dump with a broken series',
      '{"PeerConnections": {"1-1": {"updateLog": [], "stats": {"T-bytes": {"statsType": "transport", "values": "[1,", "startTime": "x"}}}}}',
      '/PeerConnections/1-1/stats/T-bytes/values',
    ],
  ])('%s is told by name, with what to do', (_, text, words) => expect(said(text)).toContain(words));

  test('that is too large is not even read', async () => {
    const large = { size: MOST_BYTES + 1, slice: () => new Blob() } as unknown as Blob;
    await expect(readFile(large)).rejects.toThrow('64 MB');
  });

  test('and pretends to be packed is told so', async () => {
    await expect(readFile(new Blob([new Uint8Array([0x1f, 0x8b, 1, 2, 3])]))).rejects.toThrow('gzip');
  });
});

test('a packed dump is unpacked', async () => {
  const packed = new Response(new Blob([DUMP]).stream().pipeThrough(new CompressionStream('gzip')));
  const found = await readFile(await packed.blob());
  expect(found.format).toBe('webrtc-internals');
});

describe('a dump of chrome://webrtc-internals', () => {
  const found = readInternals(JSON.parse(DUMP));
  const [sender, receiver] = found as [DumpedConnection, DumpedConnection];
  const { events, session } = receiver.record();
  const kinds = new Set(events.map(({ kind }) => kind));
  const stats = events.filter(({ kind }) => kind === 'stats');

  test('has its connections, with what tells them apart', () => {
    expect(found.map(({ name, state, samples }) => [name, state, samples])).toEqual([
      ['8-1', 'connected', 3],
      ['8-2', 'connected', 3],
    ]);
    expect(sender.url).toBe('about:blank');
    expect(new Date(sender.began).toISOString().slice(0, 10)).toBe('2026-11-22');
  });

  test('becomes events of the kinds that our own page records', () => {
    for (const kind of [
      ...['page.user_agent', 'pc.created', 'pc.signaling_state', 'ice.gathering_state', 'ice.candidate'],
      ...['ice.connection_state', 'pc.connection_state', 'ice.selected_pair', 'stats', 'pc.add_ice_candidate'],
      ...['pc.set_remote_description', 'pc.set_local_description', 'pc.create_answer'],
    ]) {
      expect(kinds, kind).toContain(kind);
    }
    expect(new Set(events.map(({ seenBy, evidence }) => `${seenBy} ${evidence}`))).toEqual(new Set(['browser api']));
  });

  test('draws no arrow that nobody saw: the way of a description to the page is not in a dump', () => {
    expect(events.filter(({ from, to }) => from !== to)).toEqual([]);
  });

  test('has its axis from its first entry on, in order', () => {
    expect(events[0]?.time).toBe(0);
    expect(events.map(({ sequence }) => sequence)).toEqual([...events.keys()]);
    expect(events.every(({ time }, index) => index === 0 || time >= (events[index - 1]?.time ?? 0))).toBe(true);
    expect(session.ended).toBe(events.at(-1)?.time);
    expect(session.verdict).toBeNull();
  });

  test('has a sample for each report, its entries as getStats has them', () => {
    expect(stats).toHaveLength(3);
    const [inbound] = (stats[1]?.attributes['inbound-rtp'] ?? []) as Record<string, unknown>[];
    expect(inbound).toMatchObject({ type: 'inbound-rtp', kind: 'video', framesDecoded: 20, frameWidth: 320 });
    expect(stats[1]?.summary).toMatch(/^20 frames decoded, .*bit\/s, RTT/);
    const [transport] = (stats[0]?.attributes.transport ?? []) as Record<string, unknown>[];
    expect(transport).toMatchObject({ dtlsState: 'connected', selectedCandidatePairId: 'CPqwePOL/L_wkiFi72D' });
    expect(Object.keys(stats[0]?.attributes ?? {})).toContain('remote-candidate');
    expect(Object.keys(stats[1]?.attributes ?? {}), 'candidates are told once').not.toContain('remote-candidate');
  });

  test('gives the views both ends’ candidates and the selected pair', () => {
    const ice = readIce(events);
    expect(ice.candidates.browser.map(({ candidateType, port }) => [candidateType, port])).toContainEqual([
      'host',
      51146,
    ]);
    expect(ice.candidates.daemon.map(({ candidateType, port }) => [candidateType, port])).toContainEqual([
      'host',
      50765,
    ]);
    expect(ice.selections.browser?.local.port).toBe(51146);
    expect(ice.selections.browser?.remote.port).toBe(50765);
  });

  test('leaves passwords behind', () => {
    const text = JSON.stringify(receiver.record().document);
    expect(text).toContain('a=ice-ufrag:');
    expect(text).not.toMatch(/a=ice-pwd:[^…]/);
  });
});

describe('the log of a dump', () => {
  test.each([
    ['oniceconnectionstatechange', '"failed"', 'ice.connection_state', { iceState: 'failed' }],
    ['iceConnectionStateChange', 'ICEConnectionStateConnected', 'ice.connection_state', { iceState: 'connected' }],
    ['signalingstatechange', 'have-local-offer', 'pc.signaling_state', { signalingState: 'have-local-offer' }],
    ['transceiverAdded', '{"mid":null}', 'pc.transceiver_added', { value: '{"mid":null}' }],
    [
      'setRemoteDescriptionOnFailure',
      'Failed to parse',
      'pc.set_remote_description_on_failure',
      { value: 'Failed to parse' },
    ],
    ['icecandidate', '', 'ice.candidate', { candidate: '' }],
  ])('%s %s', (type, value, kind, attributes) => expect(readEntry(type, value)).toMatchObject({ kind, attributes }));

  test('a candidate in lines of older dumps and in JSON is the same', () => {
    const line = 'candidate:1 1 udp 1677729535 203.0.113.7 40000 typ srflx raddr 192.168.1.20 rport 50000';
    const older = readEntry(
      'icecandidate',
      `sdpMid: 0, sdpMLineIndex: 0, candidate: ${line}, url: stun:192.0.2.1:3478`,
    );
    const newer = readEntry(
      'onicecandidate',
      JSON.stringify({ sdpMid: '0', candidate: line, url: 'stun:192.0.2.1:3478' }),
    );
    expect(older).toEqual(newer);
    expect(newer).toMatchObject({
      from: 'stun',
      attributes: { candidateType: 'srflx', address: '203.0.113.7', port: 40000 },
    });
  });

  test('a candidate error in lines of older dumps and in JSON is the same', () => {
    const lines =
      'url: turn:192.0.2.1:3478\naddress: 192.168.1.20\nport: 50000\nerror_text: Unauthorized.\nerror_code: 401';
    const json = {
      url: 'turn:192.0.2.1:3478',
      address: '192.168.1.20',
      port: 50000,
      errorText: 'Unauthorized.',
      errorCode: 401,
    };
    const older = readEntry('icecandidateerror', lines);
    expect(older).toEqual(readEntry('onicecandidateerror', JSON.stringify(json)));
    expect(older).toMatchObject({
      from: 'turn',
      attributes: { errorCode: 401, errorText: 'Unauthorized.', port: 50000 },
    });
  });

  test('secrets of servers are not taken over', () => {
    const { attributes } = readEntry(
      'rtcConfiguration',
      '{"iceServers":[{"urls":["turn:a"],"username":"bob","credential":"hunter2"}]}',
    );
    expect(JSON.stringify(attributes)).not.toMatch(/bob|hunter2/);
    expect(JSON.stringify(attributes)).toContain('turn:a');
  });
});
