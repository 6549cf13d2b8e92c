/** A transport address as its two parts; nothing where the text is none. */
export interface Endpoint {
  address: string;
  port: number;
}

export type Family = 'ipv4' | 'ipv6';

/** Reads `203.0.113.7:4711` and `[2001:db8::1]:4711`. */
export function readEndpoint(text: unknown): Endpoint | undefined {
  const parts = typeof text === 'string' ? /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) : null;
  if (parts === null) return undefined;
  return { address: parts[1] ?? parts[2] ?? '', port: Number(parts[3]) };
}

/** The family of an address; a name, of mDNS for one, does not tell it. */
export function familyOf(address: string | undefined): Family | undefined {
  if (address === undefined) return undefined;
  if (address.includes(':')) return 'ipv6';
  return /^\d+(\.\d+){3}$/.test(address) ? 'ipv4' : undefined;
}

/** A name that stands for an address which its owner keeps to itself (RFC 8828 §5.2, draft-ietf-mmusic-mdns-ice-candidates). */
export function isMdns(address: string): boolean {
  return address.endsWith('.local');
}

/** 0.0.0.0 and :: say that an address is not told. */
export function isTold(address: string | undefined): address is string {
  return address !== undefined && address !== '' && address !== '0.0.0.0' && address !== '::';
}

/** Shared address space, between a subscriber and a carrier's NAT (RFC 6598). */
export function isShared(address: string): boolean {
  const [first = 0, second = 0] = address.split('.').map(Number);
  return familyOf(address) === 'ipv4' && first === 100 && second >= 64 && second < 128;
}

/** What only a site's own network knows: RFC 1918, RFC 4193, link-local, loopback, and shared address space. */
export function isPrivate(address: string): boolean {
  if (familyOf(address) === 'ipv6') return /^(f[cd]|fe[89ab])[0-9a-f]*:|^::1$/i.test(address);
  return isShared(address) || /^(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\./.test(address);
}
