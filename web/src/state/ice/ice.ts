import type { Event } from '../../generated/Event';
import { readEndpoint } from './address';
import { type Candidates, type End, placeOf, readCandidates } from './candidates';
import { type Checks, readChecks } from './checks';
import { joinPairs, type Pair } from './pairs';
import { text } from './read';
import { readSelections, type Selections } from './selected';

/** All that a session's events tell of ICE. */
export interface Ice {
  candidates: Candidates;
  pairs: Pair[];
  checks: Checks;
  selections: Selections;
  /** The newest ICE connection state of each end. */
  states: Record<End, string | undefined>;
}

/** Reads a session's events; the daemon's candidates, too, where only the browser tells of them. */
export function readIce(events: readonly Event[]): Ice {
  const candidates = readCandidates(events);
  const checks = readChecks(events);
  resolve(candidates, checks, events);
  const selections = readSelections(events, candidates);
  const states = readStates(events);
  const isOver = states.browser === 'failed' || states.daemon === 'failed' || hasEnded(events);
  return { candidates, pairs: joinPairs(candidates, checks, selections, isOver), checks, selections, states };
}

/** The pair that carries the media: the one that both ends name before one that only one of them does. */
export function selectedPairs(pairs: readonly Pair[]): Pair[] {
  const selected = pairs.filter(({ state }) => state === 'selected');
  const both = selected.filter(({ selectedBy }) => selectedBy.browser && selectedBy.daemon);
  return both.length > 0 ? both : selected;
}

/** Puts the transport addresses of the daemon's packets to the candidates that they are of; new ones are peer-reflexive. */
function resolve(candidates: Candidates, checks: Checks, events: readonly Event[]): void {
  for (const { remote, protocol } of checks.daemon) {
    const at = readEndpoint(remote);
    if (at === undefined || candidates.browser.some((one) => placeOf(one) === remote && one.protocol === protocol))
      continue;
    const hidden = candidates.browser.filter(
      (one) => one.isHidden && one.port === at.port && one.protocol === protocol,
    );
    if (hidden.length > 0) {
      for (const one of hidden) if (!one.seenAs.includes(remote)) one.seenAs.push(remote);
      continue;
    }
    const first = events.find(({ attributes, from }) => from === 'web' && attributes.remoteAddress === remote);
    // The priority of a check is the one of the peer-reflexive candidate that it makes (RFC 8445 §7.3.1.3).
    const priority = first?.attributes.priority;
    candidates.tell('browser', {
      ...{ candidateType: 'prflx', protocol, address: at.address, port: at.port, arrived: first?.time },
      ...(typeof priority === 'number' ? { priority } : {}),
    });
  }
  for (const candidate of candidates.daemon) {
    const socket = readEndpoint(checks.mapped.get(placeOf(candidate)));
    if (candidate.candidateType !== 'prflx' || socket === undefined) continue;
    candidate.relatedAddress = socket.address;
    candidate.relatedPort = socket.port;
  }
}

/** The connection was given up, or the session with it: what has no answer by then gets none. */
function hasEnded(events: readonly Event[]): boolean {
  const last = events.findLast(({ kind }) => kind === 'pc.connection_state' || kind === 'session.closed');
  return last?.kind === 'session.closed' || last?.attributes.connectionState === 'failed';
}

function readStates(events: readonly Event[]): Ice['states'] {
  const states: Ice['states'] = { browser: undefined, daemon: undefined };
  for (const { kind, seenBy, attributes } of events) {
    if (kind !== 'ice.connection_state') continue;
    states[seenBy === 'browser' ? 'browser' : 'daemon'] = text(attributes, 'iceState') ?? text(attributes, 'state');
  }
  return states;
}
