/** Words of the candidates and their pairs. */
export const candidates = {
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
export const pairs = {
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
