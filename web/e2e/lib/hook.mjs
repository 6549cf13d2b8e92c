// Runs in every page before its own scripts: keeps what a test wants to look at later. It changes nothing that the page sees, but
// for the settings of connections that a test forces: `transport` leaves TURN servers over that one only (udp, tcp, tls), the
// others are members of RTCConfiguration.
export function keepConnections({ transport, ...forced }) {
  const over = { udp: /^turn:(?!.*transport=tcp)/, tcp: /^turn:.*transport=tcp/, tls: /^turns:/ }[transport];
  const left = (servers) =>
    servers
      .map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => over.test(url)) }))
      .filter((server) => server.urls.length > 0);
  const kept = { connections: [], created: [], connected: [], session: undefined, resources: [] };
  window.e2e = kept;
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(settings) {
      kept.created.push(performance.now());
      super({ ...settings, ...(over && { iceServers: left(settings?.iceServers ?? []) }), ...forced });
      kept.connections.push(this);
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') kept.connected.push(performance.now());
      });
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

/** Runs in the page: the pair that its first connection uses, each end's statistics; null before there is one. */
export async function selectedPair() {
  const report = await window.e2e.connections[0].getStats();
  const transport = [...report.values()].find((entry) => entry.type === 'transport');
  const pair = report.get(transport?.selectedCandidatePairId);
  if (pair === undefined) return null;
  return { local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId) };
}

/** Runs in the page: how long its first connection took from its making, in milliseconds. */
export function connectTime() {
  return window.e2e.connected[0] - window.e2e.created[0];
}
