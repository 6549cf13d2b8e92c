// Every word that the page says, in one place.
import { candidates, pairs } from './texts/ice';
import { topology } from './texts/topology';
import { verdict } from './texts/verdict';
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
      roundTrip === undefined ? '' : `RTT ${milliseconds(roundTrip * 1000)}`,
    ]
      .filter(Boolean)
      .join(', ') || 'Statistics',
  stopped: 'Stopped by the user',
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
  help: 'What am I looking at?',
  helpText: [
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
  noAnswer: 'no answer seen',
  waiting: 'no answer yet',
  refused: 'refused',
  times: (number: number) => `×${number}`,
  took: (least: number, most: number) =>
    most - least < 100 ? short(least) : `${short(least).replace(' ms', '')}–${short(most)}`,
  crowd: (number: number) => `+${number} close by`,
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

export const texts = {
  describe,
  problem,
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
  },
  connection: {
    title: 'Connection',
    signalling: 'Signalling',
    ice: 'ICE',
    dtls: 'DTLS',
    connection: 'Overall',
    pair: 'Selected pair',
    live: 'Live channel',
    clock: 'Clock',
    unknown: 'not known yet',
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

/** Microseconds as milliseconds. */
function short(microseconds: number): string {
  return milliseconds(microseconds / 1000);
}
