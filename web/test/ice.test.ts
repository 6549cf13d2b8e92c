import { describe, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import { readIce, selectedPairs } from '../src/state/ice/ice';
import { decodePriority } from '../src/state/ice/priority';
import { wayWords } from '../src/view/pairs/words';
import { browserCandidate, checks, daemonCandidate, NO_PATH, numbered, stats, THROUGH_NATS } from './page/ice.mjs';
import direct from './records/direct.jsonl?raw';
import relay from './records/relay.jsonl?raw';

const read = (lines: string): Event[] =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const states = (events: readonly Event[]) =>
  Object.fromEntries(
    readIce(events).pairs.map(({ local, remote, state }) => [
      `${local.candidateType} ${local.port} ${remote.candidateType} ${remote.port}`,
      state,
    ]),
  );

describe('a priority', () => {
  test.each([
    [2130706431, 126, 65535, 1],
    [1694498815, 100, 65535, 1],
    [2113937151, 126, 30, 1],
    [16777214, 0, 65535, 2],
  ])('%d is taken apart as RFC 8445 §5.1.2.1 puts it together', (priority, type, local, component) => {
    expect(decodePriority(priority)).toEqual({
      typePreference: type,
      localPreference: local,
      component,
    });
    expect(2 ** 24 * type + 2 ** 8 * local + (256 - component)).toBe(priority);
  });
});

describe('candidates', () => {
  test('both ends’ words about one candidate meet in one', () => {
    const { browser, daemon } = readIce(THROUGH_NATS.events).candidates;
    expect(browser.map(({ candidateType, port }) => `${candidateType} ${port}`)).toEqual([
      'host 50000',
      'host 50001',
      'srflx 50000',
    ]);
    expect(daemon).toHaveLength(3);
    expect(browser[2]).toMatchObject({
      url: 'stun:198.51.100.1:3478',
      gathered: 4000,
      arrived: 5000,
    });
    expect(browser[0]?.networkType).toBe('wifi');
    expect(daemon[2]).toMatchObject({
      relatedAddress: '10.0.0.5',
      relatedPort: 40000,
      gathered: 12000,
      arrived: 13000,
    });
  });

  test('a name of mDNS is marked, and has the address that the daemon’s packets show', () => {
    const name = '0a1b.local:50000';
    const seen = checks('stun.binding.request', 'inbound', '10.0.0.5:40000', '10.0.0.9:50000');
    const { browser } = readIce(
      numbered([...browserCandidate('host', name), ...daemonCandidate('host', '10.0.0.5:40000'), ...seen]),
    ).candidates;
    expect(browser).toHaveLength(1);
    expect(browser[0]).toMatchObject({ isHidden: true, seenAs: ['10.0.0.9:50000'] });
  });

  test('an address that nobody told of is peer-reflexive, with the priority of its check', () => {
    const seen = checks('stun.binding.request', 'inbound', '10.0.0.5:40000', '203.0.113.9:1234', 1, {
      priority: 1845501695,
    });
    const { browser } = readIce(
      numbered([
        ...browserCandidate('host', '192.168.1.2:50000'),
        ...daemonCandidate('host', '10.0.0.5:40000'),
        ...seen,
      ]),
    ).candidates;
    expect(browser[1]).toMatchObject({ candidateType: 'prflx', address: '203.0.113.9', priority: 1845501695 });
  });

  test('those of before a restart are of the past, and in no pair', () => {
    const { candidates, pairs } = readIce(
      numbered([
        ...browserCandidate('host', '192.168.1.2:50000', { usernameFragment: 'old' }),
        ...daemonCandidate('host', '10.0.0.5:40000'),
        ...browserCandidate('host', '192.168.1.2:50002', { usernameFragment: 'new' }),
      ]),
    );
    expect(candidates.browser.map(({ isPast }) => isPast)).toEqual([true, false]);
    expect(pairs.map(({ local }) => local.port)).toEqual([50002]);
  });
});

describe('pairs', () => {
  test('what the browser counts of its base is the pair from which the daemon saw checks come', () => {
    expect(states(THROUGH_NATS.events)).toEqual({
      'host 50000 host 40000': 'unanswered',
      'host 50000 host 40001': 'impossible',
      'host 50000 srflx 40000': 'unknown',
      'host 50001 host 40000': 'impossible',
      'host 50001 host 40001': 'failed',
      'host 50001 srflx 40000': 'impossible',
      'srflx 50000 host 40000': 'unknown',
      'srflx 50000 host 40001': 'impossible',
      'srflx 50000 srflx 40000': 'selected',
    });
    const [pair] = selectedPairs(readIce(THROUGH_NATS.events).pairs);
    expect(pair?.selectedBy).toEqual({ browser: true, daemon: true });
    expect(pair?.browser).toMatchObject({ requestsSent: 6, responsesReceived: 4, requestsReceived: 3 });
    expect(pair?.daemon).toMatchObject({
      requestsSent: 5,
      responsesReceived: 3,
      requestsReceived: 4,
      responsesSent: 4,
    });
    expect(pair && wayWords(pair)).toBe('direct through NAT, UDP over IPv4');
  });

  test('without an answer each end’s checks to the other’s public address are one pair', () => {
    const { pairs } = readIce(NO_PATH.events);
    const failed = pairs.filter(({ state }) => state === 'failed');
    expect(failed.map(({ local, remote }) => `${local.candidateType}-${remote.candidateType}`)).toEqual([
      'host-host',
      'host-host',
      'srflx-srflx',
    ]);
    expect([failed[2]?.browser?.requestsSent, failed[2]?.daemon?.requestsSent]).toEqual([11, 12]);
  });

  test('an unanswered pair is not failed while ICE goes on', () => {
    const events = NO_PATH.events.filter(({ kind }) => kind !== 'ice.connection_state' && kind !== 'stats');
    expect(states(events)['host 50001 host 40001']).toBe('unanswered');
  });

  test.each([
    ['session.closed', {}],
    ['pc.connection_state', { connectionState: 'failed' }],
  ])('with %s nothing is waited for any longer', (kind, attributes) => {
    const going = NO_PATH.events.filter(({ kind }) => kind !== 'ice.connection_state' && kind !== 'stats');
    const end = { ...going[0], sequence: 9999, time: 9_999_000, kind, attributes } as (typeof going)[number];
    const { pairs } = readIce([...going, end]);
    expect(pairs.filter(({ state }) => state === 'unanswered')).toEqual([]);
    expect(pairs.some(({ state }) => state === 'failed')).toBe(true);
  });

  test('two ends may send over different pairs, and both are told', () => {
    const [host, own] = ['192.168.1.2:50000', '10.0.0.5:40000'];
    const events = numbered([
      ...browserCandidate('host', host),
      ...browserCandidate('relay', '198.51.100.1:60000'),
      ...daemonCandidate('host', own),
      ...checks('stun.binding.request', 'inbound', own, host, 2, { useCandidate: true }),
      ...checks('stun.binding.request', 'inbound', own, '198.51.100.1:60000', 2),
      {
        ...{ seenBy: 'browser', from: 'web', to: 'web', kind: 'ice.selected_pair' },
        attributes: {
          localCandidate: { candidateType: 'host', protocol: 'udp', address: '192.168.1.2', port: 50000 },
          remoteCandidate: { candidateType: 'host', protocol: 'udp', address: '10.0.0.5', port: 40000 },
        },
      },
      ...checks('rtp.first', 'outbound', own, '198.51.100.1:60000'),
      stats([
        [['host', host], ['host', own], { requestsSent: 2, responsesReceived: 2 }],
        [['relay', '198.51.100.1:60000'], ['host', own], { requestsSent: 2, responsesReceived: 2 }],
      ]),
    ]);
    expect(
      selectedPairs(readIce(events).pairs).map(({ local, selectedBy }) => [local.candidateType, selectedBy]),
    ).toEqual([
      ['host', { browser: true, daemon: false }],
      ['relay', { browser: false, daemon: true }],
    ]);
  });
});

describe('recorded sessions', () => {
  test.each([
    ['host', 'host', direct],
    ['relay', 'host', relay],
  ])('%s to %s: one pair is selected, by both ends, and both counted answers', (local, remote, lines) => {
    const pairs = selectedPairs(readIce(read(lines)).pairs);
    expect(pairs).toHaveLength(1);
    const [pair] = pairs;
    expect([pair?.local.candidateType, pair?.remote.candidateType]).toEqual([local, remote]);
    expect(pair?.selectedBy).toEqual({ browser: true, daemon: true });
    expect(pair?.daemon?.responsesReceived).toBeGreaterThan(0);
  });
});
