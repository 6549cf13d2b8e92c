import { granularity } from '../live/clock';

/** The browser's own fetch, WebSocket and clock, as the sessions use them. */
export const environment = {
  fetch: ((input, init) => fetch(input, init)) as typeof fetch,
  openSocket: (path: string): WebSocket => {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(url);
  },
  /** Measured once, when the page is loaded. */
  granularity: granularity(() => performance.now()),
};
