import { render } from 'preact';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { probes } from '../src/state/probes';
import { store } from '../src/state/store';
import { isKnown, readTopology, type Topology } from '../src/state/topology/topology';
import { Candidates } from '../src/view/candidates';
import { TopologyCard } from '../src/view/topology/card';
import {
  browserCandidate,
  checks,
  daemonCandidate,
  NO_PATH,
  natReport,
  numbered,
  served,
  THROUGH_NATS,
} from './page/ice.mjs';

const read = ({ events, probes }: typeof NO_PATH) => readTopology(events, probes);
const boxes = ({ nats }: Topology) => [...nats.browser, ...nats.daemon].map(({ id, isCertain }) => [id, isCertain]);
const way = (topology: Topology, path: number) =>
  topology.paths[path]?.stations.map(({ box, via, label }) => [box, via, label]);

describe('the boxes', () => {
  test('are the NATs that are known, with what is known of them', () => {
    const topology = read(THROUGH_NATS);
    expect(boxes(topology)).toEqual([
      ['browser-nat', true],
      ['daemon-nat', true],
    ]);
    expect(topology.nats.browser[0]?.families).toMatchObject([
      { family: 'ipv4', outside: ['203.0.113.7'], mapping: 'EIM', filtering: undefined },
    ]);
    expect(topology.nats.daemon[0]?.families).toMatchObject([
      { family: 'ipv4', outside: ['198.51.100.77'], mapping: 'EIM', filtering: 'APDF', hairpin: true },
    ]);
    expect(topology.browser.translations.map(({ local }) => local)).toEqual([['192.168.1.20'], ['2001:db8:1::20']]);
    expect([topology.browser.networks, topology.daemon.interfaces]).toEqual([['wifi'], ['eth0']]);
  });

  test('a carrier’s NAT is a box of its own, further out', () => {
    const { nats } = read(NO_PATH);
    expect(nats.daemon.map(({ id }) => id)).toEqual(['daemon-nat', 'daemon-cgnat']);
    const direct = readTopology(numbered(daemonCandidate('host', '100.64.3.2:40000')), [
      natReport({ local_address: '100.64.3.2', cgnat: true }),
    ]);
    expect(
      direct.nats.daemon.map(({ id }) => id),
      'a host with a carrier’s address has no NAT of its own',
    ).toEqual(['daemon-cgnat']);
  });

  test('a browser that hides its address leaves its NAT unknown', () => {
    const topology = readTopology(
      numbered([...browserCandidate('host', 'ab.local:50000'), ...browserCandidate('srflx', '203.0.113.7:50000')]),
      [],
    );
    expect(boxes(topology)).toContainEqual(['browser-nat', false]);
    expect(topology.browser.hidden).toEqual(['ab.local']);
    expect(topology.browser.translations).toMatchObject([{ nat: undefined, local: [], outside: ['203.0.113.7'] }]);
  });

  test('an active TCP candidate has no address of its own', () => {
    const events = numbered([...browserCandidate('host', '0.0.0.0:9'), ...browserCandidate('host', '192.0.2.9:5000')]);
    expect(readTopology(events, []).browser.translations.map(({ local }) => local)).toEqual([['192.0.2.9']]);
  });

  test('an end that is seen at its own public address has none; what a neighbour sees tells nothing', () => {
    const seenAs = (own: string) =>
      readTopology(
        numbered([
          ...daemonCandidate('host', own),
          served('stun.binding.success', 'stun', own, '198.51.100.1:3478', { mappedAddress: own }),
        ]),
        [],
      ).nats.daemon.map(({ isCertain }) => isCertain);
    expect(seenAs('203.0.113.50:40000')).toEqual([]);
    expect(seenAs('192.168.1.5:40000')).toEqual([false]);
  });

  test('nothing is drawn where nothing is known', () => {
    expect(isKnown(readTopology([], []))).toBe(false);
    expect(readTopology([], []).paths).toEqual([]);
  });
});

describe('servers', () => {
  test('are those that were asked, with what came of it', () => {
    const own = '10.0.0.5:40000';
    const { servers } = readTopology(
      numbered([
        served('turn.allocate.request', 'turn', own, '198.51.100.2:3478'),
        served('turn.allocate.error', 'turn', own, '198.51.100.2:3478', { errorCode: 401, errorText: 'Unauthorized' }),
        served('turn.allocate.error', 'turn', own, '198.51.100.2:3478', { errorCode: 486, errorText: 'Quota' }),
        served('stun.binding.request', 'stun', own, '198.51.100.3:3478'),
        served('turn.allocate.request', 'turn', own, '198.51.100.4:3478'),
        served('turn.allocate.error', 'turn', own, '198.51.100.4:3478', { errorCode: 401, errorText: 'Unauthorized' }),
        {
          ...{ seenBy: 'browser', from: 'turn', to: 'web', kind: 'ice.candidate_error' },
          attributes: { url: 'turn:turn.example?transport=udp', errorCode: 701, errorText: 'timeout' },
        },
      ]),
      [natReport({ servers: [{ url: 'turn:turn.example', address: '198.51.100.2:3478' }] })],
    );
    expect(servers.map(({ place, uses }) => [place, uses])).toEqual([
      [
        '198.51.100.2:3478',
        {
          browser: [{ service: 'turn', outcome: 'failed', error: '701 timeout' }],
          daemon: [{ service: 'turn', outcome: 'failed', error: '486 Quota' }],
        },
      ],
      ['198.51.100.3:3478', { browser: [], daemon: [{ service: 'stun', outcome: 'silent', error: undefined }] }],
      // The challenge with which every exchange begins is no refusal.
      ['198.51.100.4:3478', { browser: [], daemon: [{ service: 'turn', outcome: 'silent', error: undefined }] }],
    ]);
  });
});

describe('paths', () => {
  test('the selected one goes through the boxes at whose addresses it is seen', () => {
    const topology = read(THROUGH_NATS);
    expect(topology.paths[0]?.role).toBe('selected');
    expect(way(topology, 0)).toEqual([
      ['browser', 'end', '192.168.1.20:50000'],
      ['browser-nat', 'through', '203.0.113.7:50000'],
      ['internet', 'past', undefined],
      ['daemon-nat', 'through', '198.51.100.77:40000'],
      ['daemon', 'end', '10.0.0.5:40000'],
    ]);
  });

  test('one between own addresses goes past the NATs', () => {
    const stations = read(NO_PATH).paths[0]?.stations.map(({ box, via }) => [box, via]);
    expect(stations).toEqual([
      ['browser', 'end'],
      ['browser-nat', 'past'],
      ['internet', 'past'],
      ['daemon-cgnat', 'past'],
      ['daemon-nat', 'past'],
      ['daemon', 'end'],
    ]);
  });

  test('a box of which nothing is known is neither crossed nor passed', () => {
    const failed = { seenBy: 'daemon', kind: 'ice.connection_state', attributes: { state: 'failed' } } as const;
    const { paths } = readTopology(
      numbered([
        ...browserCandidate('relay', '198.51.100.2:60000'),
        ...daemonCandidate('host', '203.0.113.50:40000'),
        ...checks('stun.binding.request', 'outbound', '203.0.113.50:40000', '198.51.100.2:60000'),
        failed,
      ]),
      [],
    );
    expect(paths[0]?.stations.slice(0, 3)).toMatchObject([
      { box: 'browser', via: 'end', label: undefined },
      { box: 'browser-nat', via: 'unknown' },
      { box: 'internet', via: 'through', label: '198.51.100.2:60000' },
    ]);
  });

  test('a failed one stops where both ends’ counters say', () => {
    const { paths } = read(NO_PATH);
    expect(
      paths.map(({ role, stop, sentBy, family }) => [role, stop, sentBy.browser && sentBy.daemon, family]),
    ).toEqual([
      ['failed', 'between', true, 'ipv4'],
      ['failed', 'between', true, 'ipv6'],
      ['failed', 'between', true, 'ipv4'],
    ]);
    expect(
      paths[1]?.stations.map(({ box }) => box),
      'IPv6 crosses no box of IPv4’s',
    ).toEqual(['browser', 'internet', 'daemon']);
  });

  test('a permission that the daemon’s relay refused stops it there', () => {
    const [own, server] = ['10.0.0.5:40000', '198.51.100.2:3478'];
    const asked = { transactionId: 'aa', peerAddress: '203.0.113.7:50000' };
    const refused = { transactionId: 'aa', errorCode: 403, errorText: 'Forbidden' };
    const { paths } = readTopology(
      numbered([
        ...browserCandidate('srflx', '203.0.113.7:50000'),
        ...daemonCandidate('relay', '198.51.100.2:60000', { related: own }),
        served('turn.create_permission.request', 'turn', own, server, asked),
        served('turn.create_permission.error', 'turn', own, server, refused),
        { seenBy: 'daemon', kind: 'ice.connection_state', attributes: { state: 'failed' } },
      ]),
      [],
    );
    expect(paths.map(({ stop, refusal }) => [stop, refusal])).toEqual([['relay-refused', '403 Forbidden']]);
  });

  test('one that went silent after it was selected is broken', () => {
    const failed = numbered([
      ...THROUGH_NATS.events,
      { seenBy: 'daemon', kind: 'ice.connection_state', attributes: { state: 'failed' } },
    ]);
    expect(readTopology(failed, []).paths[0]?.role).toBe('broken');
  });

  test('ends that are seen at one address share a NAT, and it is said whether that turns packets round', () => {
    const shared = [natReport({ public_address: '203.0.113.7', hairpin: false })];
    expect(readTopology(THROUGH_NATS.events, shared).shared).toEqual({ address: '203.0.113.7', hairpin: false });
    expect(read(THROUGH_NATS).shared).toBeUndefined();
  });
});

describe('the page', () => {
  let root: HTMLElement;
  const settle = () => vi.advanceTimersByTimeAsync(300);
  const all = (selector: string) => [...root.querySelectorAll<HTMLElement>(selector)];

  beforeEach(async () => {
    vi.useFakeTimers();
    root = document.createElement('div');
    document.body.append(root);
    store.timeline.clear();
    probes.value = NO_PATH.probes;
    render(
      <>
        <TopologyCard />
        <Candidates />
      </>,
      root,
    );
  });
  afterEach(() => {
    render(null, root);
    root.remove();
    probes.value = [];
    store.timeline.clear();
    vi.useRealTimers();
  });

  test('draws each box and each path, and has the same in tables', async () => {
    store.timeline.add(NO_PATH.events);
    await settle();
    const order = ['browser', 'browser-nat', 'internet', 'daemon-cgnat', 'daemon-nat', 'daemon'];
    expect(all('.topology-stage').map(({ dataset }) => dataset.box)).toEqual(order);
    expect(all('.topology-track').map(({ dataset }) => [dataset.role, dataset.stop])).toEqual(
      Array(3).fill(['failed', 'between']),
    );
    expect([...new Set(all('#topology-boxes tbody tr').map(({ dataset }) => dataset.box))]).toEqual(order);
    expect(all('#topology-paths tbody tr')).toHaveLength(3);
    expect(root.textContent).toContain('the browser sent 11 checks, the daemon saw 0');
  });

  test('a cell of the matrix opens the counters of both ends', async () => {
    store.timeline.add(THROUGH_NATS.events);
    await settle();
    expect(all('#pair-details')[0]?.dataset.state, 'the selected pair is open by itself').toBe('selected');
    expect(all('#pair-why')[0]?.textContent).toContain('Both ends send over this pair');
    all('.pairs-cell[data-state="failed"]')[0]?.click();
    await settle();
    const counters = all('[data-counter="requestsSent"]').map(({ textContent }) => textContent);
    expect(counters).toEqual(['9', '7']);
    expect(all('.pairs-cell[aria-pressed="true"]')).toHaveLength(1);
  });
});
