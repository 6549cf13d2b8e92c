// Every word that the page says, in this one place; a view has its section. A test holds that no view says another word.
import type { BrowserFacts } from './rtc/browser';
import { endpoint } from './rtc/candidate';
import type { MappingFound, Reason } from './rtc/mapping';
import { bitRate, milliseconds } from './view/format';

/** An error in words. */
function describe(error: unknown): string {
  if (error instanceof DOMException) return `${error.name}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

const problem = {
  noAnswer: (method: string, path: string, detail: string) =>
    `${method} ${path} had no answer from the daemon (${detail}). It may be stopped, or the way to it is closed.`,
  refused: (method: string, path: string, status: number, body: string) =>
    `${method} ${path} was answered ${status}${body === '' ? '' : `: ${body}`}`,
  unreadable: (method: string, path: string, status: number, detail: string) =>
    `${method} ${path} was answered ${status}, but not with JSON (${detail}). Something between the page and the daemon may answer in its place.`,
  noLocation: (path: string) => `POST ${path} was answered 201 without a Location header`,
  title: 'It did not work',
  next: {
    'no-answer': 'Look whether the daemon runs and the address is right; the page tries again by itself.',
    failed:
      'No candidate pair let packets through both ways, or DTLS did not finish. The timeline shows the last step that was seen; a TURN server is the usual remedy.',
    insecure: 'Open the page by https:// or on localhost: browsers allow WebRTC and cameras fully only there.',
    other: 'The timeline shows what was seen up to then. Press Start to try again.',
  },
  connectionFailed: 'The connection failed',
  repeated:
    'The session ended several times right after it was opened; the page has stopped trying. The last reason is in the state line.',
} as const;

/** Of buttons that copy something. */
const copy = {
  done: 'Copied',
  refused: 'The browser did not allow it',
} as const;

const stage = {
  idle: 'Press Start to connect to the daemon.',
  opening: 'Opening a session …',
  waiting: 'The daemon asks to wait; trying again …',
  signalling: 'Offer sent, waiting for the answer …',
  connecting: 'Answer received; checking candidate pairs …',
  connected: 'Connected; waiting for the first frame …',
  playing: 'Connected and playing.',
  disconnected: 'ICE hears nothing from the daemon at the moment.',
  failed: 'The connection failed.',
  closed: 'The session is over.',
  away: 'The daemon does not answer; the page tries again by itself.',
} as const;

const stageName = {
  idle: 'ready',
  opening: 'opening',
  waiting: 'waiting',
  signalling: 'signalling',
  connecting: 'connecting',
  connected: 'connected',
  playing: 'playing',
  disconnected: 'disconnected',
  failed: 'failed',
  closed: 'closed',
  away: 'daemon away',
} as const;

/** By what the mapping of the browser's NAT (RFC 4787 §4.1) was found out. */
const mappingReason: Record<Reason, string> = {
  'too-few-servers': 'it takes two STUN servers at different addresses in [ice.browser]',
  'nothing-seen': 'no STUN server told an address',
  'several-sockets': 'the servers’ answers may belong to different local addresses',
  'not-finished': 'one server answered, and another had not when the test ended',
  'one-answer': 'only one server answered',
  'one-server-address': 'the servers that answered have one address',
  'same-address': 'servers at different addresses saw the same address and port',
  'no-translation': 'the servers saw no other address than the host’s own',
  'differs-by-server': 'different servers saw different addresses or ports',
  'differs-by-address': 'it differs from server address to server address, but not from port to port',
  'differs-by-port': 'it differs from port to port of one server',
};

const event = {
  secureContext: (secure: boolean) =>
    secure ? 'The page is a secure context' : 'The page is not a secure context: no camera here',
  created: (servers: number) => `RTCPeerConnection created with ${count(servers, 'ICE server')}`,
  signalingState: (state: string) => `Signalling state ${state}`,
  gatheringState: (state: string) => `ICE gathering ${state}`,
  iceState: (state: string) => `ICE connection ${state}`,
  connectionState: (state: string) => `Connection ${state}`,
  dtlsState: (state: string) => `DTLS ${state}`,
  dtlsError: (message: string) => `DTLS error: ${message}`,
  candidate: (type: string, where: string, url: string | undefined) =>
    `Candidate ${type} ${where}${url ? ` from ${url}` : ''}`,
  noMoreCandidates: 'No more candidates',
  candidateError: (url: string, code: number, text: string) => `${url} gave no candidate: ${code} ${text}`.trim(),
  offerSent: (endpoint: string) => `Offer sent to ${endpoint}`,
  answerReceived: (status: number, candidates: number) => `Answer ${status} with ${count(candidates, 'candidate')}`,
  candidatesSent: (number: number, end: boolean, outcome: string) => {
    const what = [number > 0 ? count(number, 'candidate') : '', end ? 'end of candidates' : '']
      .filter(Boolean)
      .join(', ');
    return `Sent: ${what}${outcome === 'stale' ? ' (not used: another ICE generation is current)' : ''}`;
  },
  selectedPair: (words: string, local: string, remote: string) =>
    `Selected pair: ${words}${local && remote ? ` (${local} – ${remote})` : ''}`,
  track: 'Remote video track',
  firstPacket: 'First RTP packet arrived',
  firstDecoded: 'First frame decoded',
  firstFrame: (width: number, height: number) => `First frame shown, ${width}×${height}`,
  stats: (frames: number | undefined, rate: number | undefined, roundTrip: number | undefined) =>
    [
      frames === undefined ? '' : `${frames} frames decoded`,
      rate === undefined ? '' : bitRate(rate),
      roundTrip === undefined ? '' : roundTripTime(roundTrip),
    ]
      .filter(Boolean)
      .join(', ') || 'Statistics',
  stopped: 'Stopped by the user',
  browser: ({ browser, version, platform, platformVersion }: BrowserFacts) =>
    [browser, version, platform && `on ${platform}`, platformVersion].filter(Boolean).join(' '),
  online: (online: boolean) => (online ? 'The browser is online' : 'The browser is offline'),
  visibility: (state: string) => `The page is ${state}`,
  network: (type: string | undefined, effectiveType: string | undefined) =>
    `Network ${type ?? 'of unknown type'}${effectiveType === undefined ? '' : `, as good as ${effectiveType}`}`,
  permissions: (states: Record<string, string>) =>
    `Permissions: ${Object.entries(states)
      .map(([name, state]) => `${name} ${state}`)
      .join(', ')}`,
  played: 'The video element plays',
  notPlayed: (name: string, message: string) =>
    `The video element does not play: ${name}${message ? `: ${message}` : ''}`,
  dtls: (version: string, role: string | undefined, ciphers: string) =>
    `${version}${role === undefined ? '' : `, the browser is ${role}`}${ciphers === '' ? '' : `, ${ciphers}`}`,
  mapping: ({ mapping, certainty, family, reason, addresses }: MappingFound) =>
    `The browser’s NAT mapping${family === undefined ? '' : ` for ${family === 'ipv4' ? 'IPv4' : 'IPv6'}`} is ${
      certainty === 'likely' ? `probably ${mapping}` : mapping
    }: ${mappingReason[reason]}${addresses.length === 0 ? '' : ` (${addresses.map(endpoint).join(', ')})`}`,
  returned: (reason: string) => `The page came back by itself: ${reason}`,
} as const;

const pair = {
  direct: (protocol: string, family: string) => `direct, host to host, ${protocol} over ${family}`,
  directReflexive: (protocol: string, family: string) =>
    `direct (one end by an address found during the checks), ${protocol} over ${family}`,
  throughNat: (protocol: string, family: string) => `direct through NAT, ${protocol} over ${family}`,
  relayed: (whose: string, protocol: string) => `through ${whose}, ${protocol} to the relay`,
  browserRelay: 'the browser’s TURN relay',
  daemonRelay: 'the daemon’s TURN relay',
} as const;

const sequence = {
  title: 'Sequence',
  about: 'every arrow was observed',
  help: [
    'Five places, from left to right, and time from top to bottom. Each arrow is something that was seen going from one place to another; a dot is something that happened in one place.',
    'Solid arrows are packets that the daemon, or its relay, saw on the wire. Dashed ones were told by a program: the browser’s WebRTC, or the daemon’s own. Nothing is drawn that nobody saw.',
    'First both ends gather their addresses with the help of STUN and TURN servers, and exchange an offer and an answer. Then they check which pairs of addresses let packets through (checks), agree on keys (DTLS), and send media. The bars at the left are these phases.',
    '«×4» folds what was sent again or repeated; «no answer seen» is a request whose answer nobody saw. Long waits are shortened, unless you choose the linear axis.',
  ],
  views: 'Shown as',
  picture: 'Picture',
  table: 'Table',
  axis: 'Time axis',
  mode: { compressed: 'waits shortened', linear: 'linear' },
  folding: 'fold repeats',
  closer: 'Zoom in',
  further: 'Zoom out',
  fit: 'All',
  fitLong: 'Show all of it',
  latest: (rows: number) => `${rows} more below`,
  phases: 'Phases',
  phase: {
    gathering: 'gathering',
    offer: 'offer',
    answer: 'answer',
    checks: 'checks',
    dtls: 'DTLS',
    media: 'media',
  },
  lane: { web: 'browser', signalling: 'signal.', stun: 'STUN', turn: 'TURN', peer: 'daemon' },
  list: 'Arrows and events by time. Up and down: from one to the next; left and right: between a request and its answer; Enter: keep its message open.',
  empty: 'Arrows appear here as they are observed.',
  hint: 'Point at an arrow, or go to one with the arrow keys, to read its message.',
  message: 'Message of the arrow',
  nominates: 'nominates',
  candidate: (type: string, where: string) => `Candidate ${type} ${where}`,
  noAnswer: 'no answer seen',
  waiting: 'no answer yet',
  refused: 'refused',
  times: (number: number) => `×${number}`,
  took: (least: number, most: number) =>
    most - least < 100 ? short(least) : `${short(least).replace(' ms', '')}–${short(most)}`,
  crowd: (number: number) => `+${number} close by`,
  reports: (number: number) => `${number} probe reports known by then`,
  seenTimes: (number: number) => `seen ${number} times:`,
  more: (number: number) => `and ${number} more`,
  shown: (arrows: number, marks: number) => `${count(arrows, 'arrow')}, ${count(marks, 'event')} in one place`,
  name: (time: string, lanes: string, words: string, evidence: string) => `${time} ms, ${lanes}: ${words}, ${evidence}`,
  replay: 'Replay',
  pause: 'Pause',
  speed: 'Speed',
  position: 'Replay position, events',
  speedOf: (speed: number) => (speed < 1 ? `1⁄${Math.round(1 / speed)}` : `${speed}×`),
  column: {
    time: 'Time, ms',
    from: 'From',
    to: 'To',
    what: 'What',
    evidence: 'Evidence',
    count: 'Times',
    took: 'Took',
  },
} as const;

/** Words of the candidates and their pairs. */
const candidates = {
  title: 'Candidates and pairs',
  help: [
    'A candidate is an address at which an end may be reached. «host» is an address of its own, «srflx» (server-reflexive) is what a STUN server saw of it behind a NAT, «prflx» (peer-reflexive) is what the other end saw of it during the checks, and «relay» is an address that a TURN server lends it.',
    'A pair is one candidate of each end. Both ends send checks over every pair that can work; a pair whose checks are answered works, and the controlling end, the browser, nominates one of those to carry the media.',
    'The counters come from each end itself: the browser’s from getStats, the daemon’s from the packets that it saw. Where they differ, something was lost on the way.',
    'A browser without permission for camera or microphone hides its own addresses behind names that end in .local (mDNS).',
  ],
  local: 'Browser',
  remote: 'Daemon',
  column: {
    type: 'Type',
    address: 'Address',
    priority: 'Priority',
    server: 'Server',
    gathered: 'Gathered, ms',
    arrived: 'Arrived, ms',
  },
  none: 'none yet',
  hidden: 'hidden',
  mdns: 'mDNS',
  mdnsWhy: 'The browser keeps this address to itself',
  past: 'before the restart',
  seenAs: (place: string) => `seen as ${place}`,
  leftOut: (why: string) => `not used: ${why}`,
  relayProtocol: (protocol: string) => `${protocol.toUpperCase()} to the relay`,
  priorityParts: 'type preference · local preference · component (RFC 8445 §5.1.2.1)',
} as const;

interface SelectedBy {
  browser: boolean;
  daemon: boolean;
}

/** Words of the pair matrix. */
const pairs = {
  title: 'Pairs',
  corner: 'browser ↓ daemon →',
  bothRelays: 'through both ends’ TURN relays',
  none: 'Pairs appear when both ends have a candidate.',
  details: 'The pair',
  counts: 'Counters of both ends',
  end: { browser: 'browser', daemon: 'daemon' },
  counters: 'Each end’s own count of its checks: sent/answered.',
  alone: (number: number) =>
    number === 1
      ? 'One candidate fits none of the other end’s.'
      : `${number} candidates fit none of the other end’s: their protocol, family or TCP type is another.`,
  state: {
    selected: 'selected',
    answered: 'answered',
    failed: 'failed',
    unanswered: 'no answer',
    waiting: 'waiting',
    impossible: 'cannot meet',
    unknown: 'unknown',
  },
  why: {
    selected: ({ browser, daemon }: SelectedBy, nominated: boolean) =>
      [
        browser && daemon
          ? 'Both ends send over this pair'
          : browser
            ? 'The browser sends over this pair; the daemon does not say so'
            : 'The daemon sends over this pair; the browser does not say so',
        nominated ? ': its checks were answered, and the browser, which is the controlling end, nominated it.' : '.',
      ].join(''),
    answered: (_: SelectedBy, nominated: boolean) =>
      nominated
        ? 'Its checks were answered, and it was nominated; another pair carries the media now.'
        : 'Its checks were answered: it works, and was not nominated.',
    failed: () => 'Checks were sent, and none was answered.',
    unanswered: () => 'Checks were sent; no answer has been seen.',
    waiting: () => 'An end has formed this pair and has sent no check over it.',
    impossible: () => 'These two are of different protocols or families, or of TCP types that do not fit.',
    unknown: () => 'Neither end tells of this pair: it was pruned as a double of another one, or never formed.',
  },
  down: 'ICE has failed since.',
  roundTrip: (time: string) => `The last answer took ${time}.`,
  notSent: (error: string) => `The daemon’s kernel did not take a check: ${error}.`,
  sockets: (local: string, remote: string) => `The daemon’s packets: ${local} ↔ ${remote}`,
  relay: (server: string) => `through its relay ${server}`,
  counter: {
    requestsSent: 'Checks sent',
    responsesReceived: 'Answers received',
    requestsReceived: 'Checks received',
    responsesSent: 'Answers sent',
  },
} as const;

/** Words of the topology. */
const topology = {
  title: 'Topology',
  about: 'what lies between, as far as it is known',
  help: [
    'The browser is at one side and the daemon at the other. Between them stand the NATs, which give a network’s packets another address, and the servers that were really asked. Each line is the way of one candidate pair.',
    'A full dot is a box that the way goes through; an arch goes past it. A cross is where a way ends that did not work, as far as the counters of both ends tell.',
    'What nobody has seen is called unknown. A browser that hides its own addresses (mDNS) does not let it be known whether there is a NAT before it. The daemon’s NAT is what its probe has measured, and what its own candidates say.',
  ],
  empty: 'The picture begins with the first candidate.',
  box: {
    browser: 'This browser',
    'browser-nat': 'The browser’s NAT',
    'browser-cgnat': 'The browser’s carrier (CGNAT)',
    internet: 'Between: servers asked',
    'daemon-cgnat': 'The daemon’s carrier (CGNAT)',
    'daemon-nat': 'The daemon’s NAT',
    daemon: 'The daemon',
  },
  maybeNat: { browser: 'A NAT before the browser?', daemon: 'A NAT before the daemon?' },
  family: { ipv4: 'IPv4', ipv6: 'IPv6' },
  unknown: 'unknown',
  label: {
    local: 'Own address',
    hidden: 'Hidden (mDNS)',
    network: 'Network',
    interface: 'Interface',
    outside: 'Public address',
    between: 'Address towards the carrier',
    seen: 'Seen as',
    mapping: 'Mapping',
    filtering: 'Filtering',
    ports: 'Ports',
    hairpin: 'Hairpin',
    source: 'Known from',
  },
  addresses: (number: number) => (number === 1 ? 'one address' : `${number} addresses`),
  untranslated: 'no NAT',
  maybe: 'NAT unknown',
  behind: 'behind NAT',
  noServers: 'No server was asked.',
  mapping: {
    EIM: ['EIM', 'one public port for all destinations: an address found by STUN is good for everybody'],
    ADM: ['ADM', 'another public port for each address: an address found by STUN is good for that server only'],
    APDM: [
      'APDM',
      'another public port for each address and port («symmetric»): an address found by STUN is good for that server only',
    ],
    dependent: ['ADM or APDM', 'the daemon saw another port than the STUN server did'],
  } as Readonly<Record<string, readonly [string, string]>>,
  filtering: {
    EIF: ['EIF', 'anybody may send to an open port'],
    ADF: ['ADF', 'only addresses that were written to may answer'],
    APDF: ['APDF', 'only addresses and ports that were written to may answer'],
  } as Readonly<Record<string, readonly [string, string]>>,
  ports: {
    preserved: ['preserved', 'the public port is the host’s own'],
    sequential: ['sequential', 'public ports follow each other'],
    random: ['random', 'public ports cannot be foreseen'],
  } as Readonly<Record<string, readonly [string, string]>>,
  hairpin: { true: 'yes, packets turn round inside', false: 'no, packets do not turn round' },
  mdnsNat: 'The browser hides its own address, so this cannot be told.',
  noNatReport: 'No report of a NAT probe says so.',
  carrier: 'A carrier translates for many subscribers at once (RFC 6888): no port can be opened there.',
  fromReport: (at: Date) => `the NAT probe, ${at.toLocaleTimeString()}`,
  fromCandidates: 'the candidates',
  classic: (name: string) => `once called «${name}»`,
  server: {
    embedded: 'the daemon’s own',
    service: { stun: 'STUN', turn: 'TURN' },
    end: { browser: 'browser', daemon: 'daemon' },
    outcome: { answered: 'answered', failed: 'failed', silent: 'no answer' },
    relayed: (place: string, end: string) => `relays ${place} for the ${end}`,
  },
  sharedNat: (address: string) =>
    `Both ends are seen as ${address}: they are behind the same NAT. A path by that address has to turn round inside it (hairpin).`,
  hairpinKnown: {
    true: 'This NAT does that.',
    false: 'This NAT does not do that.',
    undefined: 'Whether this NAT does that is unknown.',
  },
  paths: 'Paths',
  noPaths: 'No path yet: no check was seen.',
  role: { selected: 'selected', broken: 'broken', failed: 'failed', trying: 'no answer' },
  via: { end: 'from or to', through: 'through', past: 'past', unknown: 'through or past, unknown:' },
  oneEnd: { browser: 'The browser sends this way.', daemon: 'The daemon sends this way.' },
  stop: {
    'daemon-not-sent': 'It stops at the daemon: its kernel did not take the checks.',
    'relay-refused': 'It stops at the daemon’s relay:',
    between: 'It stops between the ends:',
    unknown: 'Where it stops is unknown:',
  },
  browserSent: (sent: number, arrived: number) => `the browser sent ${sent} checks, the daemon saw ${arrived}`,
  daemonSent: (sent: number, arrived: number | undefined) =>
    `the daemon sent ${sent} checks, the browser saw ${arrived ?? 'an unknown number'}`,
  brokenWhy: 'It carried the media; ICE has failed since.',
  more: (number: number) => `${number} more ${number === 1 ? 'path' : 'paths'} without an answer: see the pairs.`,
  table: 'The same as a table',
  column: { box: 'Box', fact: 'What', value: 'Value', path: 'Path', state: 'State', way: 'Way' },
} as const;

/** The words of the verdict. */
const verdict = {
  title: 'Verdict',
  help: [
    'The daemon reads the events of both ends in the order in which a connection comes about: the page, the signalling, each STUN and TURN server, the candidates, the checks of each pair, DTLS, the media. The verdict is the first step that broke, whose side it is on, and the one thing to change.',
    '«Proven» means that the events leave no other explanation; «likely» that they fit this one best. «Show me why» marks those events in the timeline.',
    'A finding that is called harmless looks like a fault and is none, such as the first 401 of every TURN server.',
  ],
  outcome: { connected: 'Connected', failed: 'Failed', pending: 'Not decided yet' },
  certainty: { proven: 'proven', likely: 'likely' },
  side: {
    client: 'at the browser’s end',
    daemon: 'at the daemon’s end',
    server: 'at a server',
    both: 'at both ends',
    unknown: 'whose end cannot be told',
  },
  change: 'To change:',
  before: 'Press Start: what the daemon concludes stands here, with the events that show it.',
  soon: 'There is nothing to judge yet.',
  copy: 'Copy as text',
  session: (id: string) => `Session ${id}`,
  why: 'Show me why',
  whyOf: (cause: string) => `Show the events of ${cause}`,
  explain: (cause: string) => `icescope explain ${cause}`,
  findings: (number: number) => `${number} more ${number === 1 ? 'finding' : 'findings'}`,
  weight: { fatal: 'fault', degraded: 'weakness', harmless: 'harmless' },
} as const;

export const texts = {
  describe,
  problem,
  copy,
  stage,
  stageName,
  event,
  pair,
  sequence,
  name: 'icescope',
  tagline: 'what happens between this browser and the daemon',
  start: 'Start',
  stop: 'Stop',
  theme: { label: 'Colours', auto: 'System', light: 'Light', dark: 'Dark' },
  video: {
    label: 'Video from the daemon',
    empty: 'The daemon’s video appears here.',
    firstFrame: (ms: string) => `first frame after ${ms}`,
    lost: (packets: number) => `${count(packets, 'packet')} lost`,
    waiting: 'no figures yet',
    frameRate,
  },
  connection: {
    title: 'Connection',
    help: [
      'A connection comes about in layers. Signalling exchanges an offer and an answer; ICE finds a pair of addresses that lets packets through; DTLS agrees on keys over that pair; then the media flow. «Overall» is the browser’s own sum of ICE and DTLS.',
      'The live channel carries what both ends observe; it is not part of the connection that is diagnosed.',
    ],
    signalling: 'Signalling',
    ice: 'ICE',
    dtls: 'DTLS',
    connection: 'Overall',
    pair: 'Selected pair',
    live: 'Live channel',
    clock: 'Clock',
    unknown: 'not known yet',
    roundTrip: roundTripTime,
    clockKnown: (uncertainty: string) => `both ends on one axis, ±${uncertainty}`,
    channel: {
      connecting: 'connecting',
      live: 'open (WebSocket)',
      requests: 'single requests; the WebSocket is blocked',
      away: 'broken; trying again',
      gone: 'the daemon no longer knows this session',
      closed: 'closed',
    },
  },
  candidates,
  pairs,
  topology,
  help: 'What am I looking at?',
  verdict,
  timeline: {
    title: 'Timeline',
    help: [
      'Every event of the session in order of time, whoever saw it: the browser, the daemon, the daemon’s own relay or a plugin. Zero is the moment in which the session was opened; Δ is the time since the row before.',
      'The browser’s clock is compared with the daemon’s again and again, so that both stand on one axis; «±» says how far a time may be off, and so how far two rows may have changed places.',
      'A press on a row shows all that is known of it: the decoded message of a packet, or what an API said.',
    ],
    about: 'both ends on one clock, from the opening of the session',
    time: 'Time, ms',
    delta: 'Δ',
    seenBy: 'Seen by',
    lanes: 'From → to',
    evidence: 'Evidence',
    summary: 'What happened',
    filter: 'Filter',
    filterHint: 'Filter by text',
    evidenceFilter: 'Evidence',
    seenByFilter: 'Seen by',
    all: 'all',
    stats: 'statistics',
    shown: (shown: number, all: number) => (shown === all ? count(all, 'event') : `${shown} of ${count(all, 'event')}`),
    dropped: (number: number) => `${number} not kept`,
    empty: 'No events yet. They appear as they are observed, from the first request on.',
    nothingFits: 'No event fits the filter.',
    waiting: (number: number) => `${count(number, 'event')} of this page not handed to the daemon yet`,
    details: 'Details of the event',
    close: 'Close',
    noAttributes: 'No further facts.',
    toEnd: 'Latest',
    uncertainty: (ms: string) => `give or take ${ms}`,
  },
  lane: { web: 'browser', signalling: 'signalling', stun: 'STUN', turn: 'TURN', peer: 'daemon' },
  seenBy: { browser: 'browser', daemon: 'daemon', relay: 'relay', plugin: 'plugin' },
  evidence: { packet: 'packet', api: 'api' },
  plugins: {
    title: 'Plugins',
    state: { starting: 'starting', ready: 'ready', 'backing-off': 'restarting', disabled: 'disabled' },
    restarts: (number: number) => `restarted ${number === 1 ? 'once' : `${number} times`}`,
    dropped: (frames: number) => `${count(frames, 'frame')} dropped`,
  },
  probes: {
    title: 'Probes',
    help: [
      'A probe is a plugin that measures what surrounds the daemon, whether or not a session runs: what kind of NAT it is behind, whether the STUN servers answer, whether the TURN servers lend addresses and pass packets on.',
      'Each probe runs by a schedule and whenever you ask for it. Its report is what it found; its steps are what it did, one by one. The bars are the last runs: their colour is the outcome, their height how long they took.',
      '«unknown» means that it could not be measured, for one reason or another; it never means «no».',
    ],
    run: 'Run again',
    running: 'Running …',
    state: {
      pass: 'pass',
      failed: 'failed',
      unknown: 'unknown',
      skipped: 'skipped',
      running: 'running',
      'not-run': 'could not run',
      never: 'not run yet',
    },
    schema: { 'icescope.nat/1': 'NAT', 'icescope.stun/1': 'Server', 'icescope.turn/1': 'Relay' },
    ran: (trigger: 'start' | 'schedule' | 'demand', at: Date, duration: number | null) =>
      [
        `${{ start: 'at start', schedule: 'on schedule', demand: 'asked for' }[trigger]}, ${at.toLocaleTimeString()}`,
        duration === null ? '' : `took ${milliseconds(duration / 1000)}`,
      ]
        .filter(Boolean)
        .join(', '),
    refused: (why: string) => `It was not run: ${why}`,
    took: (outcome: string, duration: number) => `${outcome} in ${short(duration)}`,
    past: (outcomes: readonly string[]) => `The last ${outcomes.length} runs: ${outcomes.join(', ')}`,
    made: (at: Date) => `Reported at ${at.toLocaleString()}`,
    steps: (number: number, dropped: number) =>
      `${count(number, 'step')}${dropped > 0 ? `, ${dropped} more not kept` : ''}`,
  },
  value: {
    unknown: 'unknown',
    yes: 'yes',
    no: 'no',
    none: 'none',
    facts: (number: number) => count(number, 'fact'),
    entries: (number: number) => (number === 1 ? '1 entry' : `${number} entries`),
  },
  uplink: {
    title: 'This browser’s own picture',
    switch: 'Send it to the daemon',
    about: 'The daemon measures it and throws it away.',
    camera: 'Camera',
    canvas: 'Drawn picture',
    insecure: 'there is no camera outside a secure context',
    noCamera: (name: string) => `no camera (${name})`,
    arrived: 'What arrived',
    nothing: 'nothing has arrived yet',
    codec: 'Codec',
    size: 'Size',
    frameRate: 'Frame rate',
    framesPerSecond: frameRate,
    bitRate: 'Bit rate',
    frames: 'Frames',
    lost: 'Packets lost',
    failed: (why: string) => `The picture could not be sent: ${why}`,
  },
} as const;

/** `1 event`, `3 events`. */
function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Seconds, as getStats has it. */
function roundTripTime(seconds: number): string {
  return `RTT ${milliseconds(seconds * 1000)}`;
}

function frameRate(framesPerSecond: number, digits = 0): string {
  return `${framesPerSecond.toFixed(digits)} fps`;
}

/** Microseconds as milliseconds. */
function short(microseconds: number): string {
  return milliseconds(microseconds / 1000);
}
