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
  late: 'The browser has given up: no path so far. The daemon goes on checking for up to 45 s after its answer; a path that comes up late counts.',
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
  late: 'no path so far',
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
  noPhases: 'No phase has begun.',
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
  none: 'There is no verdict in this record.',
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

const plots = {
  title: 'Figures',
  about: 'once a second, from getStats and the capture clock',
  help: [
    'How the connection does over time. Each figure is the change between two reports of the browser, a second apart; where no report came there is a gap, and no line is drawn over it.',
    'Bit rate: payload that arrived. Round trip time: there and back over the selected pair. Jitter: how unevenly packets arrive. Packet loss: what was missing of what was sent. Frames: decoded, and dropped before they were shown. Latency: from the capture of a picture to its presentation.',
    'Vertical lines mark what may have changed a figure: another source or path, an ICE restart, a key frame that was asked for, a picture that froze, a connection that heard nothing. Point at a plot to read all figures of that moment.',
  ],
  empty: 'Plots appear as soon as two reports have come.',
  unavailable: 'The plots could not be loaded; the table has the same figures.',
  nothing: 'not known in this session',
  views: 'Shown as',
  picture: 'Plots',
  table: 'Table',
  spans: 'Time span',
  span: { minute: 'Last 60 s', all: 'Whole session' },
  at: (seconds: number) => `at ${seconds.toFixed(1)} s`,
  moment: 'Moment whose figures are shown',
  marks: 'Marks in the plots',
  sent: 'What arrived, over time',
  figure: {
    bitRate: 'Bit rate',
    roundTripTime: 'Round trip time',
    jitter: 'Jitter',
    packetLoss: 'Packet loss',
    framesPerSecond: 'Frames decoded',
    framesDropped: 'Frames dropped',
    latency: 'Latency',
  },
  received: 'Frames received',
  group: { frames: 'Frames' },
  value: {
    bitRate,
    roundTripTime: fine,
    jitter: fine,
    packetLoss: (percent: number) => `${percent.toFixed(percent > 0 && percent < 10 ? 1 : 0)} %`,
    framesPerSecond: (rate: number) => frameRate(rate),
    framesDropped: (rate: number) => `${rate.toFixed(0)}/s`,
    latency: fine,
  },
  /** The same on an axis, where numbers are round. */
  axis: {
    bitRate: (bits: number) => (bits >= 1e6 ? `${round(bits / 1e6)} Mbit/s` : `${round(bits / 1e3)} kbit/s`),
    roundTripTime: (value: number) => `${round(value)} ms`,
    jitter: (value: number) => `${round(value)} ms`,
    packetLoss: (percent: number) => `${round(percent)} %`,
    framesPerSecond: (rate: number) => `${round(rate)} fps`,
    framesDropped: (rate: number) => `${round(rate)}/s`,
    latency: (value: number) => `${round(value)} ms`,
  },
  unknown: '–',
  mark: {
    source: 'source changed',
    restart: 'ICE restart',
    path: 'path changed',
    'key-frame': 'key frame asked for',
    freeze: 'picture froze',
    hidden: 'page hidden',
    disconnected: 'disconnected',
    crashed: 'plugin failed',
    closed: 'session closed',
  },
  /** One letter of each, beside its line. */
  letter: {
    ...{ source: 'S', restart: 'R', path: 'P', 'key-frame': 'K', freeze: 'F', hidden: 'H' },
    ...{ disconnected: 'D', crashed: 'C', closed: 'E' },
  },
  column: { figure: 'Figure', last: 'Last', min: 'Min', mean: 'Mean', max: 'Max' },
  markColumn: { time: 'Time, s', what: 'Mark', words: 'What happened' },
  said: (name: string, last: string, min: string, mean: string, max: string) =>
    `${name}: last ${last}, least ${min}, mean ${mean}, greatest ${max}`,
} as const;

const sessions = {
  title: 'Sessions',
  about: 'what the daemon remembers, and what stands in files',
  helpText: [
    'Every press of Start is a session. The daemon remembers those that are under way and the last ones that are over; each can be opened here, and everything above shows it then, as it was seen.',
    'A session can be saved as a file and opened again, here or on another machine, by button or by dropping the file on the page. Dumps of chrome://webrtc-internals can be opened, too; they tell what one browser saw.',
    'A link shows one session to somebody else for as long as the daemon remembers it. It lets them read that session, and nothing more.',
  ],
  column: {
    opened: 'Opened',
    outcome: 'Outcome',
    path: 'Path or cause',
    lasted: 'Lasted',
    events: 'Events',
    open: 'Show',
  },
  outcome: { connected: 'connected', failed: 'failed', pending: 'undecided' },
  path: (kind: string, remote: string, local: string, protocol: string, family: string | null) =>
    [kind === 'direct' ? 'direct' : 'through a relay', `${remote} – ${local}`, protocol.toUpperCase(), family ?? '']
      .filter(Boolean)
      .join(', '),
  lasting: (seconds: number) => {
    if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    const minutes = Math.floor(seconds / 60);
    const rest = Math.floor(seconds % 60);
    return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  },
  running: 'under way',
  shownNow: 'shown',
  notLasted: '–',
  open: 'Show',
  openLong: (opened: string) => `Show the session of ${opened}`,
  own: 'this page',
  list: 'List of the sessions',
  none: 'The daemon remembers no session.',
  noneOwn: 'This page has had no session yet.',
  loading: 'Reading …',
  closedDoor:
    'The list of all sessions is for the daemon’s own machine and for admins. Below are the sessions of this page; an admin’s token shows the others, too.',
  wrongToken: 'The daemon does not take that token. Tokens are listed in [server] of its configuration.',
  unreachable: 'The daemon does not answer; the list is read again by itself.',
  refused: (why: string) => `The list could not be read: ${why}`,
  token: 'Admin’s token',
  tokenHint: 'It stays in this tab and is forgotten when the tab is closed.',
  useToken: 'Use it',
  forgetToken: 'Forget the token',
  import: 'Open a file …',
  importHint:
    'an exported session, or a dump of chrome://webrtc-internals (also .gz); or drop it anywhere on this page',
  drop: 'Drop the file to open it',
  importFailed: (file: string) => `«${file}» cannot be shown`,
  choose: (file: string) => `«${file}» has several connections. Which one?`,
  connection: (url: string, name: string) => `${url || 'a page'} (${name})`,
  connectionAbout: (began: Date, entries: number, samples: number, state: string | undefined) =>
    [
      began.toLocaleString(),
      entries === 1 ? '1 log entry' : `${entries} log entries`,
      count(samples, 'report'),
      state === undefined ? '' : `at last ${state}`,
    ]
      .filter(Boolean)
      .join(', '),
  cancel: 'Cancel',
  banner: {
    label: 'The session that is shown',
    remembered: (opened: string) => `Not live: the session of ${opened}, as the daemon remembers it`,
    followed: (opened: string) => `Somebody’s session of ${opened}, as it goes on`,
    shared: 'It came by a link that lets you read it and nothing else.',
    imported: (file: string, opened: string) => `Not live: the session of ${opened}, from the file «${file}»`,
    internals:
      'Imported from chrome://webrtc-internals: one end only. Nothing is known of the other end, of servers and of packets; where the views say «daemon», it is whatever was at the other end.',
    redacted: 'Addresses and names in it are pseudonyms.',
    noPicture: 'Its picture was not kept.',
    meanwhile: 'This page’s own session goes on meanwhile.',
    back: 'Back to this page’s own session',
    lost: 'The daemon no longer knows this session; this is what had come until then.',
    away: 'The daemon does not answer; what is shown may be behind.',
  },
  reports: 'Reports of the probes, as this session knew them',
  gone: 'This session is no longer there',
  goneWhy: 'The daemon has forgotten it: it remembers a limited number of sessions, and none over a restart.',
  goneNext: 'Ask whom you have the link from for an exported file, or start a session of your own.',
  linkWrong: 'This link does not open a session',
  linkWrongWhy: 'The daemon does not take its key. It may be cut off, or belong to another daemon.',
  linkWrongNext: 'Ask for the link again.',
  unreadable: 'This session cannot be shown',
  export: 'Export and share',
  exportJson: 'Record (JSON)',
  exportText: 'Timeline (text)',
  pseudonyms: 'addresses replaced by pseudonyms',
  pseudonymsOnly: 'only the daemon can do that, for sessions that it remembers',
  exported: (name: string) => `${name} was handed to the browser.`,
  exportedHere: (name: string) =>
    `${name} was handed to the browser. The daemon does not answer for this session: it is what this page has of it.`,
  exportFailed: (why: string) => `It could not be exported: ${why}`,
  share: 'Make a link',
  shareAbout:
    'Who has the link can read this session, with its addresses, for as long as the daemon remembers it. They cannot change it, nor see others.',
  link: 'Link to this session',
  copy: 'Copy',
  shareFailed: (why: string) => `No link could be made: ${why}`,
  textHead: (id: string, opened: string) => `Session ${id}, opened ${opened}`,
  textAxis: 'Times in milliseconds from the opening of the session',
  textSince: 'the one before',
  nothing: 'nothing',
  done: 'done',
  kind: {
    object: 'an object {…}',
    list: 'a list […]',
    number: 'a number',
    text: 'a text',
    time: 'a date and time',
    word: (words: readonly string[]) => `one of ${words.join(', ')}`,
  },
  wrongValue: (where: string, is: string, due: string) =>
    `At ${where || 'the top'} there is ${is} where ${due} is due.`,
  twice: (sequence: number) => `Two of its events have the number ${sequence}; each number is one event’s.`,
  otherFormat: (said: string, known: string) =>
    `Its format is «${said}»; this page reads «${known}». Open it with the version of icescope that wrote it, or a newer one.`,
  notAnObject: 'It is JSON, but not a record: a record is an object. Export it again from the page or from the daemon.',
  unknownDocument: (names: readonly string[]) =>
    `It is JSON, but neither a session’s record (icescope.session/1) nor a dump of chrome://webrtc-internals: it has ${names.length > 0 ? names.join(', ') : 'nothing in it'}.`,
  notJson: (why: string) => `It is not JSON (${why}). A download that was cut off looks like that; export it again.`,
  notGzip: (why: string) => `It begins like a gzip file and cannot be unpacked (${why}). Download it again.`,
  empty: 'It is empty.',
  html: 'It is a web page, not a record. Save the export itself, not the page that shows it.',
  aboutWebrtc:
    'It is a page of Firefox’s about:webrtc, which has no format that programs could read. Play the session through this page with Firefox instead; its events are recorded as they happen.',
  rtcStatsDump:
    'It is an «rtcstats dump». Chromium offers two downloads in chrome://webrtc-internals: take the «webrtc-internals dump».',
  legacyDump:
    'It is a dump of an old browser, with the statistics of before the standard (googCandidatePair, ssrc). Dumps of Chromium 90 and newer can be opened.',
  noConnections: 'The dump has no connection in it. Make it while the page with the connection is open.',
  tooLarge: (size: number, most: number) =>
    `It has ${Math.round(size / 1024 / 1024)} MB; at most ${most / 1024 / 1024} MB are read.`,
  dumpedConnection: (url: string) => `Connection of ${url || 'a page'}`,
  remoteCandidate: (type: string, where: string) => `Candidate ${type} ${where} of the other end`,
  embed: {
    start: 'Start',
    stop: 'Stop',
    unknown: (name: string, known: readonly string[]) => `There is no view «${name}». There are: ${known.join(', ')}.`,
    noPicture: 'A session that is over has no picture.',
  },
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
  sessions,
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
    facts: 'Facts of the video',
    over: 'Facts over the picture',
    codec: 'Codec',
    size: 'Size',
    rate: 'Frame rate',
    bitRate: 'Bit rate',
    path: 'Path',
    latency: 'Latency from capture to presentation',
    latencyKnown: (value: number, uncertainty: number) => `latency ${give(value, uncertainty)}`,
    latencyUnknown: 'latency unknown',
    why: {
      'no-frames': 'No frame was presented in the last second.',
      'no-timestamp': 'This browser does not say which RTP timestamp a presented frame has.',
      'no-capture-time': 'The source does not say when its pictures were taken.',
      'no-clock': 'The clocks of both ends have not been compared yet.',
      implausible:
        'The source’s capture times are later than the presentation: it stamps its pictures by another clock.',
    },
    help: [
      'The daemon’s picture as this browser shows it. The facts over it are measured here: what getStats says of the last second, and the path that the selected pair takes.',
      'The latency is the time from the capture of a picture at its source to the moment in which this browser hands it to the screen. The daemon tells which RTP timestamp belongs to which capture time, the browser which RTP timestamp it presents when, and the live channel compares both clocks. «±» is how far the result may be off: the clocks’ uncertainty, the unsteadiness of the capture clock and the rounding of the browser’s own. What the screen itself takes is not in it.',
    ],
  },
  plots,
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

/** As many digits as a round number has. */
function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Milliseconds, fine enough for a local network. */
function fine(value: number): string {
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`;
}

/** Microseconds as `38 ms ± 2`: no finer than it is certain. */
function give(value: number, uncertainty: number): string {
  const digits = uncertainty >= 1000 ? 0 : 1;
  const step = 10 ** digits;
  return `${(value / 1000).toFixed(digits)} ms ± ${(Math.ceil((uncertainty / 1000) * step) / step).toFixed(digits)}`;
}

/** Microseconds as milliseconds. */
function short(microseconds: number): string {
  return milliseconds(microseconds / 1000);
}
