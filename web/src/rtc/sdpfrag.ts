/** What a trickle fragment is about (RFC 8840 §9, as RFC 9725 §4.3 uses it). */
export interface Fragment {
  ufrag: string;
  pwd: string;
  /** Protocol of the media section, as in its m= line. */
  proto: string;
  /** Kind of the media section. */
  media: string;
  mid: string;
  /** Candidate attributes without `a=`. */
  candidates: string[];
  /** No more will come. */
  end: boolean;
}

/** The first media section of a description: where, with BUNDLE, all candidates belong. */
export type Place = Omit<Fragment, 'candidates' | 'end'>;

/** Reads ICE credentials and the first media section from an SDP or a fragment; nothing where one is missing. */
export function placeOf(sdp: string): Place | undefined {
  const ufrag = attribute(sdp, 'ice-ufrag');
  const pwd = attribute(sdp, 'ice-pwd');
  const line = /^m=(\S+) \S+ (\S+)/m.exec(sdp);
  if (ufrag === undefined || pwd === undefined || line === null) return undefined;
  return { ufrag, pwd, media: line[1] ?? 'video', proto: line[2] ?? '', mid: attribute(sdp, 'mid') ?? '0' };
}

/** Candidate attributes of an SDP or a fragment, without `a=`. */
export function candidatesOf(sdp: string): string[] {
  return [...sdp.matchAll(/^a=(candidate:[^\r\n]*)/gm)].map((match) => match[1] ?? '');
}

/** Writes a fragment for a PATCH, as in RFC 9725 §4.3. */
export function writeFragment(fragment: Fragment): string {
  const lines = [
    `a=ice-ufrag:${fragment.ufrag}`,
    `a=ice-pwd:${fragment.pwd}`,
    `m=${fragment.media} 9 ${fragment.proto} 0`,
    `a=mid:${fragment.mid}`,
    ...fragment.candidates.map((candidate) => `a=${candidate}`),
  ];
  if (fragment.end) lines.push('a=end-of-candidates');
  return `${lines.join('\r\n')}\r\n`;
}

function attribute(sdp: string, name: string): string | undefined {
  return new RegExp(`^a=${name}:([^\\r\\n]+)`, 'm').exec(sdp)?.[1]?.trim();
}
