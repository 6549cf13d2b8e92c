import { granularity } from '../live/clock';
import { Certificates } from '../rtc/certificates';

/** The page's next certificate. */
export const certificates = new Certificates();

/** The browser's own fetch, WebSocket and clock, as the sessions use them. */
export const environment = {
  fetch: ((input, init) => fetch(input, init)) as typeof fetch,
  openSocket: (path: string): WebSocket => {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(url);
  },
  certificate: (): RTCCertificate | undefined => certificates.take(),
  /** Measured once, when the page is loaded. */
  granularity: granularity(() => performance.now()),
};
