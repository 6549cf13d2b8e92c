import type { Event } from '../../generated/Event';
import type { Level } from '../../generated/Level';
import { endpoint, parseCandidate } from '../../rtc/candidate';
import { known } from '../../rtc/recorder';
import { texts } from '../../texts';

/** What an entry of the log says, without its time. */
export type Entry = Pick<Event, 'kind' | 'summary' | 'attributes'> & Partial<Pick<Event, 'from' | 'level'>>;

type Reader = (value: string) => Entry;

/** What goes by the names that our own page records, too. Names in small letters and without the «on» before them: dumps differ in that. */
const READERS: Record<string, Reader> = {
  signalingstatechange: (value) =>
    stateEntry('pc.signaling_state', 'signalingState', texts.event.signalingState, value),
  icegatheringstatechange: (value) =>
    stateEntry('ice.gathering_state', 'iceGatheringState', texts.event.gatheringState, value),
  iceconnectionstatechange: (value) => stateEntry('ice.connection_state', 'iceState', texts.event.iceState, value),
  connectionstatechange: (value) =>
    stateEntry('pc.connection_state', 'connectionState', texts.event.connectionState, value),
  icecandidate: candidateEntry,
  icecandidateerror: errorEntry,
  addicecandidate: remoteEntry,
  createoffer: (value) => callEntry('pc.create_offer', 'createOffer', value),
  createofferonsuccess: (value) => descriptionEntry('pc.create_offer.done', 'createOffer', value),
  createanswer: (value) => callEntry('pc.create_answer', 'createAnswer', value),
  createansweronsuccess: (value) => descriptionEntry('pc.create_answer.done', 'createAnswer', value),
  setlocaldescription: (value) => descriptionEntry('pc.set_local_description', 'setLocalDescription', value),
  setlocaldescriptiononsuccess: (value) =>
    descriptionEntry('pc.set_local_description.done', 'setLocalDescription', value),
  setremotedescription: (value) => descriptionEntry('pc.set_remote_description', 'setRemoteDescription', value),
  setremotedescriptiononsuccess: (value) =>
    descriptionEntry('pc.set_remote_description.done', 'setRemoteDescription', value),
};

/** Reads one entry of a connection's log. */
export function readEntry(type: string, value: string): Entry {
  const read = READERS[type.toLowerCase().replace(/^on(?=[a-z])/, '')];
  if (read !== undefined) return read(value);
  const level: Level = /fail|error/i.test(type) ? 'error' : 'debug';
  return { kind: `pc.${snake(type)}`, level, summary: brief(type, value), attributes: known({ value: clean(value) }) };
}

/** `transceiverAdded` to `transceiver_added`. */
function snake(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/\W+/g, '_')
    .toLowerCase();
}

function brief(type: string, value: string): string {
  const text = clean(value).replace(/\s+/g, ' ');
  if (text === '') return type;
  return `${type}: ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`;
}

/** ICE passwords are no matter of a record, and neither are those of servers. */
function clean(value: string): string {
  return value
    .replace(/(a=ice-pwd:)[^\s\\"]+/g, '$1…')
    .replace(/("?\b(?:credential|password|username)"?\s*:\s*)("(?:[^"\\]|\\.)*"|[^,\s}\]]+)/g, '$1"…"');
}

/** What is in an entry: the members of its JSON, or of `name: value` lines and lists, as older dumps have them. */
function facts(value: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(value);
    if (typeof read === 'object' && read !== null) return read as Record<string, unknown>;
    if (typeof read === 'string') return { value: read };
  } catch {
    // An older dump.
  }
  const named = [...value.matchAll(/(?:^|[\n,])\s*(\w+):\s*([^\n]*?)(?=\s*(?:$|\n|,\s*\w+:))/g)];
  return Object.fromEntries(named.map(([, name, text]) => [name, text]));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function stateEntry(kind: string, name: string, words: (state: string) => string, value: string): Entry {
  // «connected», or with the prefix of old dumps: ICEConnectionStateConnected.
  const said = text(facts(value).value) || value;
  const state = said.replace(/^(ICEConnectionState|ICEGatheringState|SignalingState)/i, '').toLowerCase();
  const level: Level = state === 'failed' ? 'error' : state === 'disconnected' ? 'warn' : 'info';
  return { kind, level, summary: words(state), attributes: { [name]: state } };
}

function candidateEntry(value: string): Entry {
  const { candidate, sdpMid, url, relayProtocol } = facts(value);
  const line = text(candidate);
  if (line === '')
    return { kind: 'ice.candidate', summary: texts.event.noMoreCandidates, attributes: { candidate: '' } };
  const parsed = parseCandidate(line);
  if (parsed === undefined) return { kind: 'ice.candidate', summary: line, attributes: { candidate: line } };
  const server = text(url);
  return {
    kind: 'ice.candidate',
    from: parsed.candidateType === 'srflx' ? 'stun' : parsed.candidateType === 'relay' ? 'turn' : 'web',
    summary: texts.event.candidate(parsed.candidateType, endpoint(parsed), server || undefined),
    attributes: known({ ...parsed, candidate: line, sdpMid, url: server, relayProtocol: text(relayProtocol) }),
  };
}

function errorEntry(value: string): Entry {
  const read = facts(value);
  const url = text(read.url);
  const code = Number(text(read.errorCode ?? read.error_code));
  const errorText = text(read.errorText ?? read.error_text);
  return {
    kind: 'ice.candidate_error',
    from: url.startsWith('turn') ? 'turn' : 'stun',
    level: 'warn',
    summary: texts.event.candidateError(url, code, errorText),
    attributes: known({ url, errorCode: code, errorText, address: text(read.address), port: Number(text(read.port)) }),
  };
}

/** The page was given a candidate of the other end: how it came to the page a dump does not tell. */
function remoteEntry(value: string): Entry {
  const { candidate, sdpMid } = facts(value);
  const line = text(candidate);
  const parsed = parseCandidate(line);
  const summary = parsed
    ? texts.sessions.remoteCandidate(parsed.candidateType, endpoint(parsed))
    : texts.event.noMoreCandidates;
  return { kind: 'pc.add_ice_candidate', summary, attributes: known({ ...parsed, candidate: line, sdpMid }) };
}

function callEntry(kind: string, name: string, value: string): Entry {
  return { kind, summary: name, attributes: known({ value: clean(value) }) };
}

function descriptionEntry(kind: string, name: string, value: string): Entry {
  const { type, sdp } = facts(value);
  const words = [name, kind.endsWith('.done') ? texts.sessions.done : '', text(type)].filter(Boolean).join(' ');
  return { kind, summary: words, attributes: known({ type: text(type), sdp: clean(text(sdp)) }) };
}
