// Sessions behind NATs, for tests and pictures of the topology and the pairs: events as both ends tell them, and a NAT report.
const BROWSER = { seenBy: 'browser', from: 'web', to: 'web', evidence: 'api' };
const DAEMON = { seenBy: 'daemon', from: 'peer', to: 'peer', evidence: 'api' };

/** Host and port of `203.0.113.7:50000` and `[2001:db8::1]:50000`. */
function split(place) {
  const at = place.lastIndexOf(':');
  return { address: place.slice(0, at).replace(/[[\]]/g, ''), port: Number(place.slice(at + 1)) };
}

const PREFERENCE = { host: 126, prflx: 110, srflx: 100, relay: 2 };
const priority = (type) => PREFERENCE[type] * 2 ** 24 + 30 * 2 ** 8 + 255;

/** Events in order, a millisecond apart. */
export function numbered(events) {
  return events.map((event, index) => ({
    ...{ sequence: index, time: index * 1000, uncertainty: 0, level: 'info', summary: event.kind, attributes: {} },
    ...event,
  }));
}

function candidate(type, place, facts = {}) {
  return { candidateType: type, protocol: 'udp', ...split(place), priority: priority(type), ...facts };
}

/** A candidate that the browser gathered and the daemon was told of. */
export function browserCandidate(type, place, facts = {}) {
  const attributes = candidate(type, place, { usernameFragment: 'Br', ...facts });
  return [
    { ...BROWSER, kind: 'ice.candidate', attributes },
    { ...DAEMON, from: 'web', kind: 'ice.remote_candidate', attributes: candidate(type, place) },
  ];
}

/** A candidate that the daemon gathered and told the browser. */
export function daemonCandidate(type, place, { related, url, ...facts } = {}) {
  const { address, port } = split(place);
  const base = related === undefined ? '' : ` raddr ${split(related).address} rport ${split(related).port}`;
  const line = `candidate:1 1 udp ${priority(type)} ${address} ${port} typ ${type}${base}`;
  return [
    {
      ...DAEMON,
      kind: 'ice.candidate',
      attributes: { ...candidate(type, place), candidate: line, ...(url && { url }), ...facts },
    },
    {
      ...{ ...DAEMON, from: 'signalling', to: 'web', kind: 'signalling.candidate' },
      attributes: { candidate: line, usernameFragment: 'Da' },
    },
  ];
}

/** `number` STUN messages between the ends, as the daemon's wiretap records them. */
export function checks(kind, direction, local, remote, number = 1, facts = {}) {
  const [from, to] = direction === 'inbound' ? ['web', 'peer'] : ['peer', 'web'];
  const attributes = { direction, localAddress: local, remoteAddress: remote, protocol: 'udp', ...facts };
  return Array.from({ length: number }, () => ({ ...DAEMON, evidence: 'packet', from, to, kind, attributes }));
}

/** A STUN or TURN message between the daemon and a server. */
export function served(kind, lane, local, server, facts = {}) {
  const isOut = kind.endsWith('.request');
  const attributes = {
    direction: isOut ? 'outbound' : 'inbound',
    localAddress: local,
    remoteAddress: server,
    ...facts,
  };
  const lanes = isOut ? { from: 'peer', to: lane } : { from: lane, to: 'peer' };
  return { ...DAEMON, evidence: 'packet', ...lanes, kind, attributes };
}

/** The browser's statistics: `[[local, remote, counters], …]`, the ends as `[type, place]`. */
export function stats(pairs) {
  const named = new Map();
  const stat = ([type, place], end) => {
    const id = `${end}${type}${place}`;
    named.set(id, {
      id,
      type: `${end}-candidate`,
      ...candidate(type, place),
      timestamp: 0,
      networkType: end === 'local' ? 'wifi' : 'unknown',
    });
    return id;
  };
  const list = pairs.map(([local, remote, counters], index) => ({
    ...{ id: `P${index}`, type: 'candidate-pair', state: 'in-progress', nominated: false },
    ...{ requestsSent: 0, responsesReceived: 0, requestsReceived: 0, responsesSent: 0 },
    ...{ localCandidateId: stat(local, 'local'), remoteCandidateId: stat(remote, 'remote'), ...counters },
  }));
  const of = (end) => [...named.values()].filter(({ type }) => type === `${end}-candidate`);
  const attributes = { 'candidate-pair': list, 'local-candidate': of('local'), 'remote-candidate': of('remote') };
  return { ...BROWSER, kind: 'stats', attributes };
}

/** A NAT report, as the daemon's probe makes it. */
export function natReport(facts = {}) {
  const document = {
    ...{ family: 'ipv4', local_address: '10.0.0.5', public_address: '198.51.100.77', nat: true, mapping: 'EIM' },
    ...{ filtering: 'APDF', ports: 'preserved', hairpin: true, lifetime_s: null, cgnat: false, udp: 'open' },
    ...{
      works: { udp: [], tcp: [], tls: [] },
      servers: [],
      summary: 'Behind a NAT',
      classic_name: 'port restricted cone',
    },
    ...{ duration_ms: 800, evidence: {}, observations: [], ...facts },
  };
  const report = { probe: 'nat', schema: 'icescope.nat/1', subject: document.family, outcome: 'pass', document };
  return {
    instance: 'nat',
    probe: 'probe-nat',
    run: null,
    reports: [{ ...report, unixMs: 1_764_000_000_000 }],
    past: [],
  };
}

const HOST = '192.168.1.20:50000';
const MAPPED = '203.0.113.7:50000';
const OWN = '10.0.0.5:40000';
const PUBLIC = '198.51.100.77:40000';
const STUN = 'stun:198.51.100.1:3478';
const ANSWERED = { state: 'succeeded', nominated: true, currentRoundTripTime: 0.021 };

const GATHERED = [
  ...browserCandidate('host', HOST, { usernameFragment: 'Br' }),
  ...browserCandidate('host', '[2001:db8:1::20]:50001'),
  ...browserCandidate('srflx', MAPPED, { url: STUN, relatedAddress: '192.168.1.20', relatedPort: 50000 }),
  ...daemonCandidate('host', OWN, { interface: 'eth0' }),
  ...daemonCandidate('host', '[2001:db8:2::5]:40001'),
  served('stun.binding.request', 'stun', OWN, '198.51.100.1:3478'),
  served('stun.binding.success', 'stun', OWN, '198.51.100.1:3478', { mappedAddress: PUBLIC }),
  ...daemonCandidate('srflx', PUBLIC, { related: OWN, url: STUN }),
];

const LOST = [
  ...checks('stun.binding.request', 'outbound', '[2001:db8:2::5]:40001', '[2001:db8:1::20]:50001', 7),
  ...checks('stun.binding.request', 'outbound', OWN, HOST, 7),
];

const V6 = [
  ['host', '[2001:db8:1::20]:50001'],
  ['host', '[2001:db8:2::5]:40001'],
  { state: 'failed', requestsSent: 9 },
];

/** Both ends behind a NAT; the pair of reflexive candidates works, IPv6 does not. */
export const THROUGH_NATS = {
  events: numbered([
    ...GATHERED,
    ...LOST,
    ...checks('stun.binding.request', 'outbound', OWN, MAPPED, 5),
    ...checks('stun.binding.request', 'inbound', OWN, MAPPED, 4, { useCandidate: true }),
    ...checks('stun.binding.success', 'outbound', OWN, MAPPED, 4, { mappedAddress: MAPPED }),
    ...checks('stun.binding.success', 'inbound', OWN, MAPPED, 3, { mappedAddress: PUBLIC }),
    { ...DAEMON, kind: 'ice.connection_state', attributes: { state: 'connected' } },
    { ...BROWSER, kind: 'ice.connection_state', attributes: { iceState: 'connected' } },
    {
      ...{ ...BROWSER, kind: 'ice.selected_pair' },
      attributes: { localCandidate: candidate('host', HOST), remoteCandidate: candidate('srflx', PUBLIC) },
    },
    ...checks('rtp.first', 'outbound', OWN, MAPPED),
    stats([
      [
        ['host', HOST],
        ['srflx', PUBLIC],
        { ...ANSWERED, requestsSent: 6, responsesReceived: 4, requestsReceived: 3, responsesSent: 3 },
      ],
      [['host', HOST], ['host', OWN], { requestsSent: 8 }],
      V6,
    ]),
  ]),
  probes: [natReport()],
};

/** The same two ends, and no pair works: what they send never arrives. */
export const NO_PATH = {
  events: numbered([
    ...GATHERED,
    ...LOST,
    ...checks('stun.binding.request', 'outbound', OWN, MAPPED, 12),
    { ...DAEMON, kind: 'ice.connection_state', attributes: { state: 'failed' } },
    { ...BROWSER, kind: 'ice.connection_state', attributes: { iceState: 'failed' } },
    stats([
      [['host', HOST], ['srflx', PUBLIC], { state: 'failed', requestsSent: 11 }],
      [['host', HOST], ['host', OWN], { state: 'failed', requestsSent: 11 }],
      V6,
    ]),
  ]),
  probes: [natReport({ mapping: 'APDM', ports: 'random', hairpin: null, cgnat: true, classic_name: 'symmetric' })],
};
