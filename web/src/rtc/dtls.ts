import type { Stat } from './stats';

/** Versions as TLS writes them (RFC 9147 §5.3, RFC 8446 §4.2.1), in words. */
const VERSIONS: Record<string, string> = { FEFF: 'DTLS 1.0', FEFD: 'DTLS 1.2', FEFC: 'DTLS 1.3' };

/** A certificate, as its owner put it into the SDP (RFC 8122 §5). */
export interface Fingerprint {
  fingerprint: string;
  fingerprintAlgorithm: string;
}

/** What was agreed on by DTLS, with the names of webrtc-stats; what a browser does not tell is absent. */
export interface DtlsFacts {
  dtlsState: string;
  dtlsRole?: string;
  tlsVersion?: string;
  dtlsCipher?: string;
  tlsGroup?: string;
  srtpCipher?: string;
  localCertificate?: Fingerprint;
  remoteCertificate?: Fingerprint;
}

/** Reads the transport of a report, once DTLS is through; nothing before, or where a browser tells nothing of it. */
export function dtlsFacts(stats: readonly Stat[]): DtlsFacts | undefined {
  const transport = stats.find((entry) => entry.type === 'transport' && entry.dtlsState === 'connected');
  if (transport === undefined) return undefined;
  const facts: DtlsFacts = { dtlsState: 'connected' };
  for (const name of ['dtlsRole', 'tlsVersion', 'dtlsCipher', 'tlsGroup', 'srtpCipher'] as const) {
    const value = transport[name];
    if (typeof value === 'string' && value !== '') facts[name] = value;
  }
  const local = fingerprint(stats, transport.localCertificateId);
  const remote = fingerprint(stats, transport.remoteCertificateId);
  if (local !== undefined) facts.localCertificate = local;
  if (remote !== undefined) facts.remoteCertificate = remote;
  return facts;
}

/** The same with fingerprints of the descriptions where the statistics have none (Firefox): DTLS has held the certificates against them. */
export function withFingerprints(facts: DtlsFacts, local: string | undefined, remote: string | undefined): DtlsFacts {
  const [ours, theirs] = [facts.localCertificate ?? described(local), facts.remoteCertificate ?? described(remote)];
  return { ...facts, ...(ours && { localCertificate: ours }), ...(theirs && { remoteCertificate: theirs }) };
}

/** The first fingerprint of a description (RFC 8122 §5). */
function described(sdp: string | undefined): Fingerprint | undefined {
  const [, fingerprintAlgorithm, fingerprint] = /^a=fingerprint:(\S+) ([0-9A-Fa-f:]+)/m.exec(sdp ?? '') ?? [];
  if (fingerprintAlgorithm === undefined || fingerprint === undefined) return undefined;
  return { fingerprint, fingerprintAlgorithm };
}

/** `DTLS 1.2` for `FEFD`; what is not known stays as it was told. */
export function dtlsVersion(tlsVersion: string | undefined): string {
  if (tlsVersion === undefined) return 'DTLS';
  return VERSIONS[tlsVersion.toUpperCase()] ?? tlsVersion;
}

function fingerprint(stats: readonly Stat[], id: unknown): Fingerprint | undefined {
  const certificate = stats.find((entry) => entry.type === 'certificate' && entry.id === id);
  if (certificate === undefined) return undefined;
  const { fingerprint, fingerprintAlgorithm } = certificate;
  if (typeof fingerprint !== 'string' || typeof fingerprintAlgorithm !== 'string') return undefined;
  return { fingerprint, fingerprintAlgorithm };
}
