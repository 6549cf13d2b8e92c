import { type Fetch, RequestError, refusal, request } from '../api';
import { texts } from '../texts';

/** What a WHEP or WHIP resource answered to a fragment. */
export type Patched =
  | { outcome: 'added' }
  /** The daemon has new ICE credentials of its own; the fragment says them. */
  | { outcome: 'restarted'; fragment: string }
  /** If-Match named another ICE generation than the resource's (412), or was missing (428): the fragment was not used. */
  | { outcome: 'stale'; status: number };

/** The answer to an offer. */
export interface Answered {
  sdp: string;
  status: number;
  location: string;
  etag: string | undefined;
}

/**
 * The HTTP side that WHEP (draft-ietf-wish-whep-03) and WHIP (RFC 9725) have in common: POST an offer, PATCH candidates, DELETE.
 * Knows nothing of RTCPeerConnection.
 */
export class Resource {
  readonly #fetch: Fetch;
  readonly #endpoint: string;
  /** `id.token` of the session that the daemon records this under. */
  readonly #session: string;
  #location: string | undefined;
  #etag: string | undefined;

  constructor(fetcher: Fetch, endpoint: string, session: { id: string; token: string }) {
    this.#fetch = fetcher;
    this.#endpoint = endpoint;
    this.#session = `${session.id}.${session.token}`;
  }

  /** Where the resource is; nothing before the answer. */
  get location(): string | undefined {
    return this.#location;
  }

  /** Sends the offer; throws `RequestError` with the daemon's reason and, for a 503, with its Retry-After. */
  async offer(sdp: string): Promise<Answered> {
    const response = await request(this.#fetch, this.#endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp', 'Icescope-Session': this.#session },
      body: sdp,
    });
    if (response.status !== 201) throw await refusal('POST', this.#endpoint, response);
    const location = response.headers.get('Location');
    if (location === null) {
      throw new RequestError(201, 'unreadable-answer', texts.problem.noLocation(this.#endpoint));
    }
    this.#location = location;
    this.#etag = response.headers.get('ETag') ?? undefined;
    return { sdp: await response.text(), status: response.status, location, etag: this.#etag };
  }

  /** Sends a fragment. Candidates for an ICE generation that is over come back as `stale`; other refusals throw. */
  async patch(fragment: string): Promise<Patched> {
    const location = this.#location;
    if (location === undefined) throw new Error('a fragment cannot be sent before the offer was answered');
    const headers: Record<string, string> = {
      'Content-Type': 'application/trickle-ice-sdpfrag',
      'Icescope-Session': this.#session,
    };
    if (this.#etag !== undefined) headers['If-Match'] = this.#etag;
    const response = await request(this.#fetch, location, { method: 'PATCH', headers, body: fragment });
    if (response.status === 204) return { outcome: 'added' };
    if (response.status === 412 || response.status === 428) return { outcome: 'stale', status: response.status };
    if (response.status === 200) {
      this.#etag = response.headers.get('ETag') ?? this.#etag;
      return { outcome: 'restarted', fragment: await response.text() };
    }
    throw await refusal('PATCH', location, response);
  }

  /** Ends the session at the daemon. `keepalive` lets the request outlive the page. A resource that is gone already is no error. */
  async remove(keepalive = false): Promise<void> {
    const location = this.#location;
    if (location === undefined) return;
    this.#location = undefined;
    const headers = { 'Icescope-Session': this.#session };
    const response = await request(this.#fetch, location, { method: 'DELETE', headers, keepalive });
    if (!response.ok && response.status !== 404 && response.status !== 410)
      throw await refusal('DELETE', location, response);
  }
}
