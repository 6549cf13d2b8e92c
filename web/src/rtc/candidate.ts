/** A candidate in the words of webrtc-stats (`local-candidate`, `remote-candidate`). */
export interface Candidate {
  foundation: string;
  component: number;
  protocol: string;
  priority: number;
  address: string;
  port: number;
  candidateType: string;
  relatedAddress?: string;
  relatedPort?: number;
  tcpType?: string;
  usernameFragment?: string;
  /** Where it was gathered; only the browser's own. */
  url?: string;
  relayProtocol?: string;
}

/** Reads a candidate attribute (RFC 8839 §5.1), with or without `a=`. */
export function parseCandidate(line: string): Candidate | undefined {
  const words = line.replace(/^a=/, '').trim().split(/\s+/);
  const [head = '', component = '', protocol = '', priority = '', address = '', port = '', typ, candidateType] = words;
  if (!head.startsWith('candidate:') || typ !== 'typ' || candidateType === undefined) return undefined;
  const candidate: Candidate = {
    foundation: head.slice('candidate:'.length),
    component: Number(component),
    protocol: protocol.toLowerCase(),
    priority: Number(priority),
    address,
    port: Number(port),
    candidateType,
  };
  for (let index = 8; index + 1 < words.length; index += 2) {
    const value = words[index + 1] ?? '';
    if (words[index] === 'raddr') candidate.relatedAddress = value;
    else if (words[index] === 'rport') candidate.relatedPort = Number(value);
    else if (words[index] === 'tcptype') candidate.tcpType = value;
    else if (words[index] === 'ufrag') candidate.usernameFragment = value;
  }
  return candidate;
}

/** How a TURN server is spoken to, by its URL (RFC 7065 §3.1): Chromium names the URL of a relayed candidate, but not the protocol. */
export function relayProtocolOf(url: string): 'udp' | 'tcp' | 'tls' | undefined {
  if (url.startsWith('turns:')) return 'tls';
  if (!url.startsWith('turn:')) return undefined;
  return /[?&]transport=tcp\b/.test(url) ? 'tcp' : 'udp';
}

/** `203.0.113.7:4711`, `[2001:db8::1]:4711`. */
export function endpoint(candidate: { address?: string | null | undefined; port?: number | null | undefined }): string {
  const { address, port } = candidate;
  if (address === undefined || address === null || address === '') return '';
  const host = address.includes(':') ? `[${address}]` : address;
  return port === undefined || port === null ? host : `${host}:${port}`;
}
