// Runs in every page before its own scripts: keeps what a test wants to look at later. It changes nothing that the page sees.
export function keepConnections() {
  const kept = { connections: [], created: [], session: undefined, resources: [] };
  window.e2e = kept;
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...settings) {
      kept.created.push(performance.now());
      super(...settings);
      kept.connections.push(this);
    }
  };
  const { fetch } = window;
  window.fetch = async (...request) => {
    const response = await fetch(...request);
    const { pathname } = new URL(response.url, window.location.href);
    if (pathname === '/api/sessions' && response.ok) kept.session = await response.clone().json();
    const location = response.headers.get('location');
    if (location !== null) kept.resources.push(new URL(location, response.url).href);
    return response;
  };
}

/** Runs in the page: media type and size of what its first connection receives. */
export async function receiving() {
  const report = await window.e2e.connections[0].getStats();
  const stats = [...report.values()];
  const inbound = stats.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video');
  if (inbound === undefined) return null;
  const codec = stats.find((entry) => entry.id === inbound.codecId);
  const { framesDecoded, frameWidth, frameHeight } = inbound;
  return { mimeType: codec?.mimeType, framesDecoded, frameWidth, frameHeight };
}
