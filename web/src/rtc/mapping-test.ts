import type { IceServer } from '../generated/IceServer';
import { texts } from '../texts';
import { type Candidate, parseCandidate } from './candidate';
import { type Gathered, judge, type MappingFound, type ServerError, settled, stunServers } from './mapping';
import { serverOf } from './observe';
import { known, type Recorder } from './recorder';

/** Chromium gives a STUN server up after 40 s, Firefox after 11 s: one that is dead keeps the gathering open so long. */
const LONGEST_MS = 45_000;

/**
 * Finds out how the browser's NAT maps: a connection of its own, which never gets an answer, gathers with the session's STUN
 * servers. A browser asks all servers of one connection from the same socket, so what they see may be compared; two connections
 * with one server each would have two sockets, and could not be. The session's own connection does not serve: it stops gathering
 * as soon as it is connected, and a server that has told nothing then may just be late.
 */
export class MappingTest {
  readonly #record: Recorder;
  readonly #servers: ReturnType<typeof stunServers>;
  readonly #candidates: Candidate[] = [];
  readonly #errors: ServerError[] = [];
  #pc: RTCPeerConnection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #done = false;

  constructor(iceServers: readonly IceServer[], record: Recorder) {
    this.#servers = stunServers(iceServers.flatMap((server) => server.urls));
    this.#record = record;
  }

  /** Begins; what is found goes into the record. */
  start(make = (servers: RTCIceServer[]) => new RTCPeerConnection({ iceServers: servers })): void {
    if (this.#servers.length < 2) {
      this.#conclude();
      return;
    }
    this.#timer = setTimeout(() => this.#conclude(), LONGEST_MS);
    this.#gather(make).catch((error: unknown) => {
      if (this.#done) return;
      this.#record({ kind: 'page.error', level: 'debug', summary: texts.describe(error) });
      this.#conclude();
    });
  }

  /** The session is over: says what is known by now. */
  stop(): void {
    if (this.#pc !== undefined) this.#conclude();
    this.#done = true;
  }

  async #gather(make: (servers: RTCIceServer[]) => RTCPeerConnection): Promise<void> {
    const pc = make(this.#servers.map(({ url }) => ({ urls: url })));
    this.#pc = pc;
    pc.addEventListener('icecandidate', (event) => {
      const { candidate } = event;
      if (candidate === null || candidate.candidate === '') return;
      const parsed = parseCandidate(candidate.candidate);
      const url = serverOf(event);
      if (parsed !== undefined) this.#candidates.push(url ? { ...parsed, url } : parsed);
      this.#look();
    });
    pc.addEventListener('icecandidateerror', ({ url, errorCode, errorText, address }) => {
      this.#errors.push({ url, errorCode, errorText, address });
    });
    pc.addEventListener('icegatheringstatechange', () => this.#look());
    // Gathering wants a media section; a data channel's asks for no device and no codec.
    pc.createDataChannel('');
    await pc.setLocalDescription();
  }

  #gathered(): Gathered {
    const complete = this.#pc?.iceGatheringState === 'complete';
    return { servers: this.#servers, candidates: this.#candidates, errors: this.#errors, complete };
  }

  #look(): void {
    if (settled(this.#gathered())) this.#conclude();
  }

  #conclude(): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    for (const found of judge(this.#gathered())) this.#tell(found);
    this.#pc?.close();
  }

  #tell(found: MappingFound): void {
    const { mapping, addresses } = found;
    this.#record({
      kind: 'nat.mapping',
      // Where nobody was asked, nothing came from anywhere.
      ...(addresses.length > 0 && { from: 'stun' as const }),
      level: mapping === 'unknown' ? 'debug' : 'info',
      summary: texts.event.mapping(found),
      attributes: known({
        ...found,
        servers: this.#servers.map(({ url }) => url),
        errors: this.#errors.length > 0 ? this.#errors.map((error) => known({ ...error })) : undefined,
      }),
    });
  }
}
