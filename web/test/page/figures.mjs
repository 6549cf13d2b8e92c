// Statistics such as a browser records them, for the plots: a steady course with what may happen in one.

const PAIR = { id: 'P1', type: 'candidate-pair', nominated: true, state: 'succeeded' };

const EVENT = {
  uncertainty: 0,
  seenBy: 'daemon',
  from: 'peer',
  to: 'peer',
  evidence: 'api',
  level: 'info',
  attributes: {},
};

/** One `stats` event of a browser, `at` seconds after the opening. */
export function stats(at, inbound, { roundTrip = 0.02, latency = 0.05 } = {}) {
  const attributes = {
    'inbound-rtp': [{ id: 'I1', type: 'inbound-rtp', kind: 'video', timestamp: 1.7e12 + at * 1000, ...inbound }],
    'candidate-pair': [{ ...PAIR, currentRoundTripTime: roundTrip }],
    transport: [{ id: 'T1', type: 'transport', selectedCandidatePairId: 'P1' }],
  };
  if (latency !== undefined) attributes.presentation = { captureToPresented: latency, uncertainty: 0.001, frames: 30 };
  const event = {
    ...EVENT,
    seenBy: 'browser',
    from: 'web',
    to: 'web',
    kind: 'stats',
    level: 'debug',
    summary: 'Statistics',
  };
  return { ...event, time: at * 1e6, attributes };
}

/** Two minutes of statistics that begin `from` seconds after the opening: another source at 40 s, nothing from 70 to 78 s, a freeze at 90 s. */
export function course({ from = 0, length = 120 } = {}) {
  const events = [];
  const sum = {
    bytesReceived: 0,
    packetsReceived: 0,
    packetsLost: 0,
    framesDecoded: 0,
    framesDropped: 0,
    freezeCount: 0,
  };
  const mark = (at, kind, summary) => events.push({ ...EVENT, time: (from + at) * 1e6, kind, summary });
  for (let at = 0; at < length; at += 1) {
    const wave = Math.sin(at / 7);
    const bad = at >= 90 && at < 94;
    sum.bytesReceived += Math.round(bad ? 40_000 : 150_000 + 30_000 * wave + (at > 40 ? 90_000 : 0));
    sum.packetsReceived += 150;
    sum.packetsLost += bad ? 20 : 0;
    sum.framesDecoded += bad ? 9 : 30;
    sum.framesDropped += bad ? 6 : 0;
    sum.freezeCount += at === 91 ? 1 : 0;
    if (at === 40) mark(at, 'media.source_changed', 'the source changes from «bars» to «camera»');
    if (at === 40.5 || at === 92 || at === 93)
      mark(at, 'media.key_frame_requested', 'PLI: a key frame was asked of the source');
    if (at === 100) mark(at, 'ice.restart', 'the client renewed ICE');
    if (at >= 70 && at < 78) continue;
    const jitter = 0.004 + 0.003 * Math.abs(wave) + (bad ? 0.02 : 0);
    events.push(stats(from + at, { ...sum, jitter }, { roundTrip: 0.02 + 0.006 * wave, latency: 0.052 + 0.01 * wave }));
  }
  return events;
}
