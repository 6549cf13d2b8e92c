import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Candidate, parseCandidate } from '../src/rtc/candidate';
import { type Gathered, judge, settled, stunServer, stunServers } from '../src/rtc/mapping';
import { MappingTest } from '../src/rtc/mapping-test';
import type { Note } from '../src/rtc/recorder';

const A = 'stun:203.0.113.10:3478';
const A2 = 'stun:203.0.113.10:3479';
const B = 'stun:203.0.113.11:3478';
/** Chromium without permission for the camera: base hidden, one foundation per base, the server named. */
const CHROMIUM_HOST = 'candidate:1 1 udp 2113937151 6c7645b9.local 37627 typ host generation 0';
const chromium = (where: string, url: string, foundation = '1018286311') =>
  candidate(`candidate:${foundation} 1 udp 1677729535 ${where} typ srflx raddr 0.0.0.0 rport 0 generation 0`, url);
/** Firefox: base hidden, a foundation per server, no server named. */
const firefox = (where: string, foundation: string) =>
  candidate(`candidate:${foundation} 1 UDP 1686052863 ${where} typ srflx raddr 0.0.0.0 rport 0`);

function candidate(line: string, url?: string): Candidate {
  const parsed = parseCandidate(line);
  if (parsed === undefined) throw new Error(line);
  return url === undefined ? parsed : { ...parsed, url };
}

const gathered = (candidates: Candidate[], more: Partial<Gathered> = {}, urls = [A, B]): Gathered => ({
  servers: stunServers(urls),
  candidates,
  errors: [],
  complete: true,
  ...more,
});
const timedOut = (url: string, address: string | null = '192.168.1.x') => ({
  ...{ url, errorCode: 701, errorText: 'STUN binding request timed out.' },
  address,
});

describe('the servers', () => {
  test('are those of the session by UDP, each once, different hosts first', () => {
    const urls = [
      A,
      'turn:203.0.113.10:3478?transport=udp',
      A2,
      'turn:b.example?transport=tcp',
      'turns:c.example',
      'turn:d.example',
    ];
    expect(stunServers(urls).map(({ url }) => url)).toEqual([A, 'stun:d.example:3478', A2]);
  });

  test('are read with IPv6 addresses and default ports', () => {
    expect(stunServer('stun:[2001:db8::1]')).toEqual({
      url: 'stun:[2001:db8::1]:3478',
      host: '[2001:db8::1]',
      port: 3478,
    });
    expect(stunServer('https://example.net')).toBeUndefined();
  });
});

describe('Chromium', () => {
  test('leaves the second candidate out where both servers saw the same: EIM', () => {
    expect(judge(gathered([candidate(CHROMIUM_HOST), chromium('203.0.113.1 37627', A)]))).toEqual([
      {
        ...{ mapping: 'EIM', certainty: 'proven', family: 'ipv4', reason: 'same-address' },
        addresses: [{ url: A, address: '203.0.113.1', port: 37627 }],
      },
    ]);
  });

  test('has a candidate for each server where they saw different ports', () => {
    const two = [chromium('203.0.113.1 63232', A), chromium('203.0.113.1 62373', B)];
    expect(judge(gathered(two, { complete: false }))).toMatchObject([
      { mapping: 'ADM or APDM', certainty: 'proven', reason: 'differs-by-server', addresses: [{ url: A }, { url: B }] },
    ]);
  });

  test('is not judged by a server that gave 701', () => {
    const one = gathered([chromium('203.0.113.1 1', A)], { errors: [timedOut(B)] });
    expect(judge(one)).toMatchObject([{ mapping: 'unknown', reason: 'one-answer' }]);
  });

  test('is not judged before its gathering ended by itself', () => {
    const early = gathered([chromium('203.0.113.1 1', A)], { complete: false });
    expect(judge(early)).toMatchObject([{ mapping: 'unknown', reason: 'not-finished' }]);
    expect(settled(early)).toBe(false);
  });

  test('tells by what a dependent mapping depends where a server has two ports', () => {
    const servers = [A, B, A2];
    const adm = gathered([chromium('203.0.113.1 1', A), chromium('203.0.113.1 2', B)], {}, servers);
    expect(judge(adm)).toMatchObject([{ mapping: 'ADM', reason: 'differs-by-address' }]);
    expect(settled({ ...adm, complete: false })).toBe(false);
    const apdm = gathered([chromium('203.0.113.1 1', A), chromium('203.0.113.1 3', A2)], { complete: false }, servers);
    expect(judge(apdm)).toMatchObject([{ mapping: 'APDM', certainty: 'proven', reason: 'differs-by-port' }]);
    expect(settled(apdm)).toBe(true);
    const dead = gathered([...adm.candidates], { errors: [timedOut(A2)] }, servers);
    expect(judge(dead)).toMatchObject([{ mapping: 'ADM or APDM' }]);
  });

  test('has two sockets on two interfaces, which are not compared', () => {
    const two = gathered([chromium('203.0.113.1 1', A, '7'), chromium('198.51.100.1 1', B, '8')]);
    expect(judge(two)).toMatchObject([{ mapping: 'unknown', reason: 'several-sockets' }]);
  });

  test('tells the base where the camera is allowed, and that decides what one socket is', () => {
    const from = (where: string, base: string, url: string) =>
      candidate(`candidate:9 1 udp 1677729535 ${where} typ srflx raddr ${base}`, url);
    const one = '192.168.1.2 rport 5000';
    expect(judge(gathered([from('203.0.113.1 1', one, A), from('203.0.113.1 2', one, B)]))).toMatchObject([
      { mapping: 'ADM or APDM' },
    ]);
    const other = '192.168.1.2 rport 5001';
    expect(judge(gathered([from('203.0.113.1 1', one, A), from('203.0.113.1 2', other, B)]))).toMatchObject([
      { mapping: 'unknown', reason: 'several-sockets' },
    ]);
  });

  test('an error of the IPv6 socket says nothing of the IPv4 one', () => {
    const v6 = gathered([chromium('203.0.113.1 1', A)], { errors: [timedOut(B, '[2001:db8:1:x:x:x:x:x]')] });
    expect(judge(v6)).toMatchObject([{ mapping: 'EIM' }]);
  });
});

describe('Firefox', () => {
  test('names no server: two addresses are still two', () => {
    const two = gathered([firefox('203.0.113.1 25868', '1'), firefox('203.0.113.1 33674', '2')]);
    expect(judge(two)).toMatchObject([
      { mapping: 'ADM or APDM', addresses: [{ address: '203.0.113.1', port: 25868 }, { port: 33674 }] },
    ]);
    expect(judge(two)[0]?.addresses[0]).not.toHaveProperty('url');
  });

  test('tells an address once, however often it was gathered', () => {
    const twice = gathered([firefox('203.0.113.1 40663', '1'), firefox('203.0.113.1 40663', '2')]);
    expect(judge(twice)).toMatchObject([{ mapping: 'EIM', addresses: [{ port: 40663 }] }]);
    expect(judge(twice)[0]?.addresses).toHaveLength(1);
  });

  test('tells by what a dependent mapping depends by the number of addresses', () => {
    const seen = (...ports: number[]) => ports.map((port, index) => firefox(`203.0.113.1 ${port}`, `${index}`));
    expect(judge(gathered(seen(1, 2), {}, [A, B, A2]))).toMatchObject([{ mapping: 'ADM' }]);
    expect(judge(gathered(seen(1, 2, 3), {}, [A, B, A2]))).toMatchObject([{ mapping: 'APDM' }]);
    const dead = gathered(seen(1, 2), { errors: [timedOut(B, null)] }, [A, B, A2]);
    expect(judge(dead)).toMatchObject([{ mapping: 'ADM or APDM' }]);
  });

  test('tells one address where both servers answered with it, and 701 without an address where one did not', () => {
    const one = [firefox('203.0.113.1 40663', '1')];
    expect(judge(gathered(one))).toMatchObject([{ mapping: 'EIM', certainty: 'proven' }]);
    expect(judge(gathered(one, { errors: [timedOut(B, null)] }))).toMatchObject([{ mapping: 'unknown' }]);
  });
});

describe('what cannot be known is unknown', () => {
  const one = [chromium('203.0.113.1 1', A)];
  test.each([
    ['one server', gathered(one, {}, [A]), 'too-few-servers'],
    ['two ports of one server that saw the same', gathered(one, {}, [A, A2]), 'one-server-address'],
    ['nothing gathered', gathered([]), 'nothing-seen'],
    ['a hidden host alone', gathered([candidate(CHROMIUM_HOST)]), 'nothing-seen'],
  ])('%s', (_, what, reason) => {
    expect(judge(what)).toMatchObject([{ mapping: 'unknown', reason }]);
    expect(judge(what)[0]).not.toHaveProperty('certainty');
  });

  test('servers by name may be one server: never more than likely', () => {
    const named = gathered([chromium('203.0.113.1 1', 'stun:a.example:3478')], {}, [
      'stun:a.example',
      'stun:b.example',
    ]);
    expect(judge(named)).toMatchObject([{ mapping: 'EIM', certainty: 'likely' }]);
  });

  test('a public host that tells its address has nothing that translates', () => {
    const own = candidate('candidate:1 1 udp 2113937151 198.51.100.7 5000 typ host');
    expect(judge(gathered([own]))).toMatchObject([{ mapping: 'EIM', certainty: 'likely', reason: 'no-translation' }]);
    expect(judge(gathered([own], { errors: [timedOut(A), timedOut(B)] }))).toMatchObject([{ mapping: 'unknown' }]);
  });

  test('families are judged apart', () => {
    const both = gathered(
      [
        ...one,
        chromium('2001:db8::7 1', 'stun:[2001:db8::a]:3478'),
        chromium('2001:db8::7 2', 'stun:[2001:db8::b]:3478'),
      ],
      {},
      [A, B, 'stun:[2001:db8::a]', 'stun:[2001:db8::b]'],
    );
    expect(judge(both)).toMatchObject([
      { family: 'ipv4', mapping: 'EIM' },
      { family: 'ipv6', mapping: 'ADM or APDM' },
    ]);
  });
});

/** As much of a connection as the test uses. */
class FakeConnection extends EventTarget {
  iceGatheringState = 'gathering';
  closed = false;
  createDataChannel = vi.fn();
  setLocalDescription = vi.fn(async () => {});
  close() {
    this.closed = true;
  }
  say(type: string, facts: object) {
    this.dispatchEvent(Object.assign(new Event(type), facts));
  }
  gather(line: string, url?: string) {
    this.say('icecandidate', { candidate: { candidate: line, url } });
  }
  finish() {
    this.iceGatheringState = 'complete';
    this.say('icegatheringstatechange', {});
  }
}

describe('the test', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function run(urls: string[]) {
    const notes: Note[] = [];
    const pc = new FakeConnection();
    const asked: RTCIceServer[] = [];
    const mapping = new MappingTest([{ urls, username: 'u', credential: 'secret' }], (note) => notes.push(note));
    mapping.start((servers) => {
      asked.push(...servers);
      return pc as unknown as RTCPeerConnection;
    });
    return { notes, pc, asked, mapping };
  }

  test('asks all servers by one connection, without credentials, and ends it with a finding', () => {
    const { notes, pc, asked } = run(['turn:203.0.113.10:3478', B]);
    expect(asked).toEqual([{ urls: A }, { urls: B }]);
    pc.gather('candidate:1 1 udp 1677729535 203.0.113.1 4000 typ srflx raddr 0.0.0.0 rport 0', A);
    expect(notes).toEqual([]);
    pc.finish();
    expect(pc.closed).toBe(true);
    expect(notes).toMatchObject([
      {
        kind: 'nat.mapping',
        from: 'stun',
        attributes: {
          ...{ mapping: 'EIM', family: 'ipv4', certainty: 'proven', servers: [A, B] },
          addresses: [{ url: A, address: '203.0.113.1', port: 4000 }],
        },
      },
    ]);
  });

  test('does not wait for the end where two addresses were seen', () => {
    const { notes, pc } = run([A, B]);
    pc.gather('candidate:1 1 udp 1677729535 203.0.113.1 4000 typ srflx raddr 0.0.0.0 rport 0', A);
    pc.gather('candidate:1 1 udp 1677729535 203.0.113.1 4001 typ srflx raddr 0.0.0.0 rport 0', B);
    expect(notes.map((note) => note.attributes?.mapping)).toEqual(['ADM or APDM']);
  });

  test('says what it knows when the session ends or a server stays silent for ever', () => {
    const stopped = run([A, B]);
    stopped.mapping.stop();
    expect(stopped.notes.map((note) => note.attributes?.mapping)).toEqual(['unknown']);
    const silent = run([A, B]);
    vi.advanceTimersByTime(45_000);
    silent.mapping.stop();
    expect(silent.notes.map((note) => note.attributes?.reason)).toEqual(['nothing-seen']);
    expect(silent.pc.closed).toBe(true);
  });

  test('makes no connection where one server cannot tell', () => {
    const { notes, asked } = run([A]);
    expect(asked).toEqual([]);
    expect(notes).toMatchObject([{ kind: 'nat.mapping', level: 'debug', attributes: { reason: 'too-few-servers' } }]);
  });
});
