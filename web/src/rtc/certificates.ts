/** What browsers make by themselves, too (RFC 8827 §6.5 wants P-256 from everybody). */
const KEYS: EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };
/** A certificate that ends sooner is not used any more: a connection outlives its set-up. Browsers give 30 days. */
const LEAST_MS = 24 * 60 * 60_000;

/** Makes the certificate of the next connection ahead, so that its offer need not wait for the keys. Each is used once: two connections share no fingerprint. */
export class Certificates {
  readonly #make: () => Promise<RTCCertificate>;
  #next: RTCCertificate | undefined;
  #making = false;

  constructor(make = () => RTCPeerConnection.generateCertificate(KEYS)) {
    this.#make = make;
  }

  /** Makes one if there is none. */
  async prepare(): Promise<void> {
    if (this.#making || this.#next !== undefined) return;
    this.#making = true;
    try {
      this.#next = await this.#make();
    } catch {
      // Without one of ours the browser makes its own with the offer; a browser without WebRTC says so at the connection.
    } finally {
      this.#making = false;
    }
  }

  /** The one that is ready, for one connection; nothing if there is none. */
  take(now = Date.now()): RTCCertificate | undefined {
    const certificate = this.#next;
    this.#next = undefined;
    return certificate !== undefined && certificate.expires - now > LEAST_MS ? certificate : undefined;
  }
}
