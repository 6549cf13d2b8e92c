import type { Candidate } from './candidate';

/** One entry of an RTCStatsReport; which fields there are depends on `type`. */
export type Stat = { id: string; type: string; timestamp: number } & Record<string, unknown>;

/** The figures of the video that the page shows, from two reports. */
export interface VideoFigures {
  codec: string | undefined;
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
  /** Bits per second since the report before. */
  bitRate: number | undefined;
  packetsLost: number | undefined;
  framesDecoded: number | undefined;
}

/** The pair that carries the media. */
export interface SelectedPair {
  id: string;
  local: Candidate;
  remote: Candidate;
  /** Seconds. */
  roundTripTime: number | undefined;
}

/** A report as a plain list. */
export function entries(report: RTCStatsReport): Stat[] {
  const list: Stat[] = [];
  report.forEach((entry: Stat) => {
    list.push(entry);
  });
  return list;
}

/** The selected pair: by the transport where it says so, else the nominated one that succeeded (Firefox has `selected`). */
export function selectedPair(stats: readonly Stat[]): SelectedPair | undefined {
  const byId = new Map(stats.map((entry) => [entry.id, entry]));
  const transport = stats.find((entry) => entry.type === 'transport' && entry.selectedCandidatePairId !== undefined);
  const pair =
    byId.get(String(transport?.selectedCandidatePairId)) ??
    stats.find((entry) => entry.type === 'candidate-pair' && entry.selected === true) ??
    stats.find((entry) => entry.type === 'candidate-pair' && entry.nominated === true && entry.state === 'succeeded');
  const local = byId.get(String(pair?.localCandidateId));
  const remote = byId.get(String(pair?.remoteCandidateId));
  if (pair === undefined || local === undefined || remote === undefined) return undefined;
  return {
    id: pair.id,
    local: asCandidate(local),
    remote: asCandidate(remote),
    roundTripTime: numeric(pair.currentRoundTripTime),
  };
}

function asCandidate(stat: Stat): Candidate {
  const candidate: Candidate = {
    foundation: String(stat.foundation ?? ''),
    component: 1,
    protocol: String(stat.protocol ?? ''),
    priority: numeric(stat.priority) ?? 0,
    address: String(stat.address ?? stat.ip ?? ''),
    port: numeric(stat.port) ?? 0,
    candidateType: String(stat.candidateType ?? ''),
  };
  if (typeof stat.url === 'string' && stat.url !== '') candidate.url = stat.url;
  if (typeof stat.relayProtocol === 'string') candidate.relayProtocol = stat.relayProtocol;
  return candidate;
}

/** The incoming video of a report. */
export function inboundVideo(stats: readonly Stat[]): Stat | undefined {
  return stats.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video');
}

/** What is shown of the video. `before` is the `inbound-rtp` of the report before. */
export function videoFigures(stats: readonly Stat[], before: Stat | undefined): VideoFigures | undefined {
  const inbound = inboundVideo(stats);
  if (inbound === undefined) return undefined;
  const codec = stats.find((entry) => entry.id === inbound.codecId);
  return {
    codec: codec === undefined ? undefined : String(codec.mimeType).replace(/^video\//, ''),
    width: numeric(inbound.frameWidth),
    height: numeric(inbound.frameHeight),
    // Not the browser's own framesPerSecond: at the beginning it is of a fraction of a second, and may say hundreds.
    framesPerSecond: rate('framesDecoded', inbound, before),
    bitRate: rate('bytesReceived', inbound, before, 8),
    packetsLost: numeric(inbound.packetsLost),
    framesDecoded: numeric(inbound.framesDecoded),
  };
}

/** How fast a counter grew between two reports, per second. */
function rate(counter: string, now: Stat, before: Stat | undefined, factor = 1): number | undefined {
  if (before === undefined || before.id !== now.id) return undefined;
  const seconds = (now.timestamp - before.timestamp) / 1000;
  const growth = (numeric(now[counter]) ?? 0) - (numeric(before[counter]) ?? 0);
  return seconds > 0 && growth >= 0 ? (growth * factor) / seconds : undefined;
}

/** Kinds of entries that go into the record, with all that webrtc-stats says of them. */
const RECORDED = new Set([
  ...['candidate-pair', 'transport', 'inbound-rtp', 'outbound-rtp', 'remote-inbound-rtp', 'remote-outbound-rtp'],
  'media-source',
]);
/** These too, but each once: what identifiers of the others refer to. */
const RECORDED_ONCE = new Set(['local-candidate', 'remote-candidate', 'codec', 'certificate']);

/** The attributes of a `stats` event: the recorded entries, by kind. `told` has the identifiers of what earlier events told once. */
export function statsAttributes(stats: readonly Stat[], told: Set<string>): Record<string, unknown> {
  const attributes: Record<string, Stat[]> = {};
  // Chromium lists every codec that was agreed on; of interest are those that something goes by.
  const codecs = new Set(stats.map((entry) => entry.codecId));
  for (const entry of stats) {
    const once = RECORDED_ONCE.has(entry.type);
    if (once ? told.has(entry.id) : !RECORDED.has(entry.type)) continue;
    if (entry.type === 'codec' && !codecs.has(entry.id)) continue;
    if (once) told.add(entry.id);
    attributes[entry.type] ??= [];
    attributes[entry.type]?.push(withoutBody(entry));
  }
  return attributes;
}

/** A certificate is known by its fingerprint; its body would only fill the record. */
function withoutBody(entry: Stat): Stat {
  if (entry.type !== 'certificate') return entry;
  const { base64Certificate: _, ...rest } = entry;
  return rest as Stat;
}

function numeric(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
