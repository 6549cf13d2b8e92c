import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import type { UplinkStats } from '../src/generated/UplinkStats';
import { FIGURES, figuresOf, since, summary } from '../src/state/figures/figures';
import { marksOf } from '../src/state/figures/marks';
import { type Reading, readingsOf, uplinkReading } from '../src/state/figures/readings';
import { readInternals } from '../src/state/import/internals';
import DUMP from './records/webrtc_internals_dump.txt?raw';

const event = (sequence: number, seconds: number, kind: string, part: Partial<Event> = {}): Event => ({
  ...{ sequence, time: seconds * 1e6, uncertainty: 0, seenBy: 'browser', from: 'web', to: 'web', evidence: 'api' },
  ...{ kind, level: 'debug', summary: '', attributes: {} },
  ...part,
});

/** Statistics as a browser has them, `seconds` after the opening: 125 kB and 30 frames a second. */
function stats(seconds: number, part: Record<string, unknown> = {}, pair: Record<string, unknown> = {}): Event {
  const inbound = {
    ...{ id: 'I1', kind: 'video', timestamp: 1.7e12 + seconds * 1000 },
    ...{ bytesReceived: 125_000 * seconds, packetsReceived: 99 * seconds, packetsLost: seconds, jitter: 0.004 },
    ...{ framesDecoded: 30 * seconds, framesDropped: 2 * seconds, freezeCount: 0 },
    ...part,
  };
  const attributes = {
    'inbound-rtp': [{ id: 'A', kind: 'audio', bytesReceived: 9e9 }, inbound],
    'candidate-pair': [
      { id: 'P0', nominated: true, state: 'succeeded', currentRoundTripTime: 0.9 },
      { id: 'P1', currentRoundTripTime: 0.021, ...pair },
    ],
    transport: [{ selectedCandidatePairId: 'P1' }],
    presentation: { captureToPresented: 0.038, uncertainty: 0.002 },
  };
  return event(0, seconds, 'stats', { attributes });
}

const columns = (events: Event[]) => figuresOf(readingsOf(events)).columns;

describe('figures', () => {
  test('follow from the counters between two reports, and from what the newer one says', () => {
    const { time, columns } = figuresOf(readingsOf([stats(1), stats(2)]));
    expect(time).toEqual([1, 2]);
    expect(columns.bitRate).toEqual([null, 1_000_000]);
    expect(columns.framesPerSecond).toEqual([null, 30]);
    expect(columns.framesDropped).toEqual([null, 2]);
    expect(columns.packetLoss).toEqual([null, 1]);
    expect(columns.jitter).toEqual([4, 4]);
    expect(columns.roundTripTime).toEqual([21, 21]);
    expect(columns.latency).toEqual([38, 38]);
  });

  test('go by the time of the report, not by that of the event', () => {
    const late = { ...stats(2), time: 2_400_000 };
    const { time, columns } = figuresOf(readingsOf([stats(1), late]));
    expect([time[1], columns.bitRate[1]]).toEqual([2.4, 1_000_000]);
  });

  test('take a report that follows on another at once for none: its rates are noise', () => {
    expect(columns([stats(1), stats(1.1), stats(1.3), stats(2)]).bitRate).toEqual([null, 1_000_000]);
  });

  test('lead no line over a silence, and take up what is known after it', () => {
    const { time, columns } = figuresOf(readingsOf([stats(1), stats(2), stats(9), stats(10)]));
    expect(time).toEqual([1, 2, 5.5, 9, 10]);
    expect(columns.bitRate).toEqual([null, 1_000_000, null, null, 1_000_000]);
    expect(columns.jitter).toEqual([4, 4, null, 4, 4]);
  });

  test('of another stream begin anew', () => {
    const other = (seconds: number) => stats(seconds, { id: 'I2', bytesReceived: 1000 * seconds });
    expect(columns([stats(1), stats(2), other(3), other(4)]).bitRate).toEqual([null, 1_000_000, null, null, 8000]);
  });

  test('do not make up what a browser does not tell', () => {
    const { columns } = figuresOf(
      readingsOf([1, 2].map((at) => stats(at, { framesDropped: undefined, packetsLost: undefined }))),
    );
    expect(columns.framesDropped).toEqual([null, null]);
    expect(columns.packetLoss).toEqual([null, null]);
    expect(columns.bitRate[1]).toBe(1_000_000);
  });

  test('of a counter that went back are unknown, and of losses made good none', () => {
    expect(columns([stats(1), stats(2, { bytesReceived: 5, packetsLost: 0 })])).toMatchObject({
      bitRate: [null, null],
      packetLoss: [null, 0],
    });
  });

  test('of a sent picture are what the other end reports of it', () => {
    const sent = (seconds: number) =>
      event(0, seconds, 'stats', {
        attributes: {
          'outbound-rtp': [
            { id: 'O', kind: 'video', timestamp: seconds * 1000, bytesSent: 5000 * seconds, framesSent: 15 * seconds },
          ],
          'remote-inbound-rtp': [{ id: 'R', kind: 'video', jitter: 0.002, fractionLost: 0.25, roundTripTime: 0.05 }],
        },
      });
    expect(columns([sent(1), sent(2)])).toMatchObject({
      ...{ bitRate: [null, 40_000], framesPerSecond: [null, 15], jitter: [2, 2], packetLoss: [25, 25] },
      ...{ roundTripTime: [50, 50], latency: [null, null] },
    });
  });

  test('of an uplink are the daemon’s', () => {
    const arrived = (seconds: number): UplinkStats => ({
      ...{
        mimeType: 'video/VP8',
        packetsReceived: 90 * seconds,
        packetsLost: 10 * seconds,
        bytesReceived: 1000 * seconds,
      },
      ...{ framesReceived: 15 * seconds, keyFramesReceived: 1, frameWidth: 640, frameHeight: 480, jitter: 0.003 },
      ...{ framesPerSecond: 14.5, bitsPerSecond: 8080 },
    });
    const { columns } = figuresOf([1, 2].map((at) => uplinkReading(arrived(at), at * 1e6)));
    expect(columns).toMatchObject({
      ...{ bitRate: [8080, 8080], framesPerSecond: [14.5, 14.5], packetLoss: [null, 10], jitter: [3, 3] },
      roundTripTime: [null, null],
    });
  });

  test('of a dump of chrome://webrtc-internals are plotted, too', () => {
    const [sender, receiver] = readInternals(JSON.parse(DUMP)).map((one) => columns(one.record().events));
    // Ten frames a second of next to nothing, as the browser that was dumped had them.
    for (const one of [sender, receiver]) {
      expect(one?.framesPerSecond.map((rate) => rate && Math.round(rate))).toEqual([null, 10, 10]);
      expect(one?.roundTripTime).toEqual([1, 1, 2]);
      expect(one?.packetLoss.slice(1)).toEqual([0, 0]);
      expect(one?.bitRate[2]).toBeGreaterThan(9000);
    }
    expect(receiver?.jitter).toEqual([1, 1, 2]);
    expect(receiver?.framesDropped).toEqual([null, 0, 0]);
    expect(sender?.framesDropped, 'of what is sent nothing is dropped before it is shown').toEqual([null, null, null]);
  });

  test('are columns of one length in order of time, whatever comes', () => {
    const reading = fc.record({
      ...{ time: fc.integer({ min: 0, max: 1e8 }), stream: fc.constantFrom('a', 'b') },
      ...{ bytes: fc.option(fc.nat(), { nil: undefined }), packets: fc.option(fc.nat(), { nil: undefined }) },
      ...{ packetsLost: fc.option(fc.integer({ min: -9, max: 99 }), { nil: undefined }), frames: fc.nat() },
    });
    fc.assert(
      fc.property(fc.array(reading), (list) => {
        const readings = list
          .toSorted((a, b) => a.time - b.time)
          .map((one) => ({ ...one, read: one.time / 1000 }) as Reading);
        const { time, columns } = figuresOf(readings);
        expect(time).toEqual(time.toSorted((a, b) => a - b));
        for (const name of FIGURES) {
          expect(columns[name]).toHaveLength(time.length);
          for (const value of columns[name]) expect(value === null || Number.isFinite(value)).toBe(true);
        }
        for (const loss of columns.packetLoss) expect(loss === null || (loss >= 0 && loss <= 100)).toBe(true);
      }),
    );
  });

  test('of the newest part are cut by time', () => {
    const cut = since(figuresOf(readingsOf([stats(1), stats(2), stats(3)])), 2);
    expect([cut.time, cut.columns.bitRate]).toEqual([
      [2, 3],
      [1_000_000, 1_000_000],
    ]);
    expect(since(cut, 9).time).toEqual([]);
  });

  test('in a few numbers: the last, the least, the mean, the greatest of what is known', () => {
    expect(summary([null, 2, 4, null, 9])).toEqual({ last: 9, min: 2, mean: 5, max: 9 });
    expect(summary([1, null])).toMatchObject({ last: undefined, max: 1 });
    expect(summary([null])).toEqual({ last: undefined, min: undefined, mean: undefined, max: undefined });
  });
});

describe('marks', () => {
  test('stand where something happened', () => {
    const pair = (sequence: number, at: number) => event(sequence, at, 'ice.selected_pair');
    const state = (sequence: number, at: number, iceState: string) =>
      event(sequence, at, 'ice.connection_state', { attributes: { iceState } });
    const events = [
      ...[pair(1, 1), state(2, 1, 'connected'), pair(3, 4), { ...pair(4, 5), seenBy: 'daemon' as const }],
      event(5, 6, 'media.source_changed', { seenBy: 'daemon', summary: 'the source changes' }),
      ...[event(6, 7, 'ice.restart'), event(7, 7.5, 'media.key_frame_requested'), state(8, 8, 'disconnected')],
      ...[event(9, 9, 'plugin.crashed'), event(10, 10, 'session.closed')],
      event(11, 11, 'page.visibility', { attributes: { visibilityState: 'hidden' } }),
      event(12, 12, 'page.visibility', { attributes: { visibilityState: 'visible' } }),
    ];
    expect(marksOf(events, []).map(({ kind, time, sequence }) => [kind, time, sequence])).toEqual([
      ['path', 4, 3],
      ['source', 6, 5],
      ['restart', 7, 6],
      ['key-frame', 7.5, 7],
      ['disconnected', 8, 8],
      ['crashed', 9, 9],
      ['closed', 10, 10],
      ['hidden', 11, 11],
    ]);
    expect(marksOf(events, [])[1]?.words).toBe('the source changes');
  });

  test('say when the picture froze, which only a counter tells', () => {
    const freezes = [0, 0, 1, 1, 3].map((freezeCount, index) => stats(index + 1, { freezeCount }));
    expect(marksOf(freezes, readingsOf(freezes)).map(({ kind, time }) => [kind, time])).toEqual([
      ['freeze', 3],
      ['freeze', 5],
    ]);
  });
});
