import { describe, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import type { Lane } from '../src/generated/Lane';
import { type AxisOptions, axis, between, MARGIN, TALLEST, ticks } from '../src/state/sequence/axis';
import { fold, type Item } from '../src/state/sequence/folds';
import { LABEL_HEIGHT, type LayoutOptions, layout, within } from '../src/state/sequence/layout';
import { phases } from '../src/state/sequence/phases';
import { advance, LONGEST_WAIT_MS } from '../src/state/sequence/replay';
import { fitted, geometry, LANES, labelPlace, textWidth } from '../src/view/sequence/geometry';
import { label, moment, span } from '../src/view/sequence/words';
import direct from './records/direct.jsonl?raw';
import relay from './records/relay.jsonl?raw';

const read = (text: string): Event[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
const DIRECT = read(direct);
const RELAY = read(relay);
const OPTIONS: LayoutOptions = {
  ...{ mode: 'compressed', zoom: 1, viewport: 500, row: 30 },
  ...{ folding: true, labels: 'over' },
};

let number = 0;
const event = (time: number, kind: string, part: Partial<Event> = {}): Event => ({
  ...{ sequence: number++, time, uncertainty: 0, seenBy: 'daemon', from: 'peer', to: 'web', kind, evidence: 'packet' },
  ...{ level: 'info', summary: kind, attributes: {} },
  ...part,
});
const stun = (time: number, end: 'request' | 'success' | 'error', transactionId: string, part: Partial<Event> = {}) =>
  event(time, `stun.binding.${end}`, {
    ...(end === 'request' ? {} : { from: 'web', to: 'peer' }),
    ...part,
    attributes: { transactionId, method: 'Binding', remoteAddress: '192.0.2.2:9', ...part.attributes },
  });
const counts = (events: Event[], now = events.at(-1)?.time ?? 0) =>
  fold(events, now, true).map((item) => `${item.kind}×${item.events.length}`);

/** The same numbers in each run: a small generator (Numerical Recipes' constants). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('what the probes have found by then is one row, and each report counts', () => {
  const report = (time: number, summary: string) =>
    event(time, 'probe.report', { to: 'peer', evidence: 'api', summary });
  const reports = ['a', 'b', 'c'].map((summary, index) => report(index, summary));
  const opened = event(5, 'signalling.session', { from: 'web', to: 'signalling', evidence: 'api' });
  const events = [...reports, opened, report(9, 'd')];
  expect(counts(events)).toEqual(['probe.report×3', 'signalling.session×1', 'probe.report×1']);
  expect(fold(events, 9, true).map(label)[0]).toBe('3 probe reports known by then');
  expect(fold(events, 9, false)).toHaveLength(5);
});

describe.each([
  ['direct', DIRECT],
  ['relay', RELAY],
])('a recorded session (%s)', (_, events) => {
  const shown = events.filter(({ kind }) => kind !== 'stats');

  test.each([true, false])('has each of its events in one arrow or mark (folding: %s)', (folding) => {
    const { rows } = layout(events, { ...OPTIONS, folding });
    for (const inOnePlace of [true, false]) {
      const wanted = shown.filter(({ from, to }) => (from === to) === inOnePlace).length;
      const there = rows.filter(({ from, to }) => (from === to) === inOnePlace);
      expect(there.reduce((sum, row) => sum + row.events.length, 0)).toBe(wanted);
    }
    expect(new Set(rows.flatMap((row) => row.events.map(({ sequence }) => sequence))).size).toBe(shown.length);
    if (!folding) expect(rows).toHaveLength(shown.length);
  });

  test('is in order of time, each arrow with the lanes of its events', () => {
    const { rows } = layout(events, OPTIONS);
    const times = rows.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const row of rows) {
      for (const { from, to, kind } of row.events) expect({ from, to, kind }).toEqual({ ...pick(row) });
      expect(row.time).toBe(row.events[0].time);
    }
  });

  test('has no request without its answer, for all were answered', () => {
    const { rows } = layout(events, OPTIONS);
    const requests = rows.filter(({ outcome }) => outcome !== undefined);
    expect(requests.length).toBeGreaterThan(3);
    expect(requests.filter(({ outcome }) => outcome === 'unanswered')).toEqual([]);
    for (const row of requests) expect(rows[row.partner ?? -1]?.kind).toMatch(/\.(success|error)$/);
  });

  test('goes through the phases', () => {
    const found = phases(shown);
    expect(found.map(({ name }) => name).toSorted()).toEqual(
      ['answer', 'checks', 'dtls', 'gathering', 'media', 'offer'].toSorted(),
    );
    const of = (name: string) => found.find((phase) => phase.name === name)?.from ?? Number.NaN;
    expect(of('offer')).toBeLessThan(of('answer'));
    expect(of('checks')).toBeLessThan(of('dtls'));
    expect(of('dtls')).toBeLessThan(of('media'));
    for (const one of found) {
      const beside = found.filter((other) => other !== one && other.column === one.column);
      for (const other of beside) expect(one.to < other.from || other.to < one.from).toBe(true);
    }
  });
});

function pick({ from, to, kind }: { from: Lane; to: Lane; kind: string }) {
  return { from, to, kind };
}

describe('folding', () => {
  test('takes the sendings of one transaction together, whatever happens between', () => {
    const events = [
      stun(0, 'request', 'a'),
      event(1, 'dtls.state', { evidence: 'api' }),
      stun(500_000, 'request', 'a'),
      event(600_000, 'ice.candidate', { evidence: 'api' }),
      stun(1_500_000, 'request', 'a'),
      stun(1_540_000, 'success', 'a'),
    ];
    expect(counts(events)).toEqual([
      'stun.binding.request×3',
      'dtls.state×1',
      'ice.candidate×1',
      'stun.binding.success×1',
    ]);
    const [request, , , answer] = fold(events, 2_000_000, true);
    expect(request).toMatchObject({ outcome: 'answered', partner: 3 });
    // From the last sending, as the daemon measures it.
    expect(answer).toMatchObject({ took: { least: 40_000, most: 40_000 }, partner: 0 });
  });

  test('keeps a request with credentials apart from the one that was refused, though they share an id', () => {
    const part = { from: 'peer', to: 'turn' } as const;
    const back = { from: 'turn', to: 'peer' } as const;
    const ask = (time: number) => ({ ...stun(time, 'request', 'a', part), kind: 'turn.allocate.request' });
    const items = fold(
      [
        ask(0),
        { ...stun(5, 'error', 'a', back), kind: 'turn.allocate.error' },
        ask(10),
        stun(30, 'success', 'a', back),
      ],
      40,
      true,
    );
    expect(items.map(({ outcome }) => outcome)).toEqual(['refused', undefined, 'answered', undefined]);
    expect(items.map(({ partner }) => partner)).toEqual([1, 0, 3, 2]);
    expect(items[3]?.took?.least).toBe(20);
  });

  test('folds the checks of consent until something happens, and tells those without an answer apart', () => {
    const round = (time: number, id: string) => [stun(time, 'request', id), stun(time + 1000, 'success', id)];
    const events = [
      ...round(0, 'a'),
      ...round(2_500_000, 'b'),
      stun(5_000_000, 'request', 'c'),
      stun(7_500_000, 'request', 'd'),
      event(8_000_000, 'ice.connection_state', { evidence: 'api', from: 'web', level: 'warn' }),
      ...round(9_000_000, 'e'),
    ];
    const items = fold(events, 10_000_000, true);
    expect(items.map(({ events: { length }, outcome }) => [length, outcome])).toEqual([
      [2, 'answered'],
      [2, undefined],
      [2, 'unanswered'],
      [1, undefined],
      [1, 'answered'],
      [1, undefined],
    ]);
    expect(items[2]?.time).toBe(5_000_000);
  });

  test('says of a young request only that there is no answer yet', () => {
    const young = [stun(0, 'request', 'a')];
    expect(fold(young, 499_000, true)[0]?.outcome).toBe('waiting');
    expect(fold(young, 501_000, true)[0]?.outcome).toBe('unanswered');
  });

  test('folds a DTLS flight that is sent again, message by message', () => {
    const flight = (time: number) =>
      [0, 1].map((part) =>
        event(time + part, 'dtls.client_hello', { attributes: { messageSequence: 0, fragmentOffset: part * 1175 } }),
      );
    expect(counts([...flight(0), ...flight(1_000_000), ...flight(3_000_000)])).toEqual([
      'dtls.client_hello×3',
      'dtls.client_hello×3',
    ]);
  });

  test('never mixes addresses, directions or observers', () => {
    const other = { attributes: { remoteAddress: '192.0.2.3:9' } };
    const events = [
      stun(0, 'request', 'a'),
      stun(1, 'request', 'b', other),
      stun(2, 'request', 'c', { seenBy: 'relay' }),
      stun(3, 'request', 'd', { from: 'web', to: 'peer' }),
    ];
    expect(counts(events)).toHaveLength(4);
  });
});

describe('the axis', () => {
  const times = [0, 10, 10, 2_000_000, 600_000_000];
  const options: AxisOptions = { mode: 'compressed', zoom: 1, viewport: 500, row: 30 };

  test('compressed gives each arrow a row, and a long wait little more', () => {
    const { y, height } = axis(times, options);
    const gaps = y.slice(1).map((one, index) => one - (y[index] ?? 0));
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(30);
      expect(gap).toBeLessThan(100);
    }
    expect(gaps[3]).toBeGreaterThan(gaps[2] ?? Number.POSITIVE_INFINITY);
    expect(height).toBe(500);
  });

  test('linear is true to scale, fills the window at zoom 1, and never grows beyond what browsers lay out', () => {
    const { y } = axis(times, { ...options, mode: 'linear' });
    expect([y[0], y[4]]).toEqual([MARGIN, 500 - MARGIN]);
    expect(((y[3] ?? 0) - MARGIN) / (500 - 2 * MARGIN)).toBeCloseTo(2 / 600, 9);
    expect(axis(times, { ...options, mode: 'linear', zoom: 1e12 }).height).toBeLessThanOrEqual(TALLEST + 2 * MARGIN);
  });

  test('finds the time of a place and the place of a time', () => {
    const { y } = axis(times, options);
    expect(between(times, y, 1_000_005)).toBeCloseTo(((y[2] ?? 0) + (y[3] ?? 0)) / 2, 6);
    expect(between(y, times, y[3] ?? 0)).toBe(2_000_000);
    expect(between(y, times, 1e9)).toBe(600_000_000);
  });

  test('has round times', () => {
    expect(ticks(-3, 21, 5)).toEqual([0, 5, 10, 15, 20]);
    expect(ticks(0, 0, 5)).toEqual([]);
  });
});

test('a wait is named from the last event that was before it, also in a fold', () => {
  const round = (time: number, id: string) => [stun(time, 'request', id), stun(time + 1000, 'success', id)];
  const events = [...round(0, 'a'), ...round(2_000_000, 'b'), event(4_001_000, 'ice.candidate', { evidence: 'api' })];
  const { rows, gaps } = layout(events, OPTIONS);
  expect(rows.map((row) => row.events.length)).toEqual([2, 2, 1]);
  expect(gaps.map(({ length }) => length)).toEqual([2_000_000]);
});

describe('words', () => {
  test.each([
    [123_456, false, '123.456'],
    [123_456, true, '123.4'],
    [3_693_191_464, false, '3\u2009693.19 s'],
    [3_693_191_464, true, '3\u2009693.1 s'],
  ])('the time %d µs beside the picture (short: %s)', (value, short, words) =>
    expect(moment(value, short)).toBe(words),
  );

  test.each([
    [530, '0.53 ms'],
    [900_000, '900 ms'],
    [110_699_000, '110.6 s'],
  ])('%d µs as a span', (value, words) => expect(span(value)).toBe(words));

  const word = (one: Event, part: Partial<Item> = {}) => {
    const [item] = fold([one], 0, true);
    if (item === undefined) throw new Error('an event makes an item');
    return label({ ...item, ...part });
  };

  test('say what a message is, without what the picture shows', () => {
    const nominates = stun(0, 'request', 'a', { attributes: { useCandidate: true } });
    expect(word(nominates, { outcome: undefined })).toBe('Binding request, nominates');
    const refused = { transactionId: 'a', method: 'Allocate', errorCode: 401, errorText: 'Unauthorized' };
    expect(word(event(0, 'turn.allocate.error', { attributes: refused }))).toBe('Allocate error 401 Unauthorized');
    const hello = 'DTLS ClientHello (bytes 0–1175 of 1413) from [2001:db8::2]:35753';
    expect(word(event(0, 'dtls.client_hello', { summary: hello }))).toBe('ClientHello (bytes 0–1175 of 1413)');
    const line = 'candidate:1812508534 1 udp 2130706431 192.0.2.1 55357 typ host';
    expect(word(event(0, 'signalling.candidate', { summary: line }))).toBe('Candidate host udp 192.0.2.1:55357');
  });

  test('say how often, how long and whether an answer was seen', () => {
    const request = stun(0, 'request', 'a');
    expect(word(request, { outcome: 'unanswered', events: [request, request] })).toBe(
      'Binding request ×2 · no answer seen',
    );
    expect(word(request, { outcome: 'waiting' })).toBe('Binding request · no answer yet');
    expect(word(event(0, 'x'), { took: { least: 530, most: 2000 } })).toBe('x · 0.53–2.0 ms');
  });
});

describe('labels', () => {
  /** Random sessions of all lengths, dense and sparse. */
  const sessions = Array.from({ length: 60 }, (_, seed) => {
    const next = random(seed + 1);
    let time = 0;
    return Array.from({ length: Math.floor(next() * 120) + 1 }, () => {
      time += next() < 0.5 ? Math.floor(next() * 40) : Math.floor(next() ** 4 * 3_000_000);
      const [from, to] = [LANES[Math.floor(next() * 5)] ?? 'web', LANES[Math.floor(next() * 5)] ?? 'web'];
      return event(time, `kind.${Math.floor(next() * 9)}`, { from, to, summary: 'x'.repeat(Math.floor(next() * 90)) });
    });
  });

  test.each(['over', 'under'] as const)('stand on no other arrow and on no other label (%s)', (labels) => {
    let seen = 0;
    for (const [index, events] of sessions.entries()) {
      for (const mode of ['compressed', 'linear'] as const) {
        const { rows } = layout(events, { ...OPTIONS, mode, labels, zoom: [0.3, 0.7, 1, 2, 40][index % 5] ?? 1 });
        const boxes = rows.flatMap((row) => {
          if (!row.labelled) return [];
          seen += 1;
          const beside = labels === 'over' && row.from === row.to && row.roomy;
          const [top, bottom] = labels === 'under' ? [3, 17] : beside ? [-8, 8] : [-17, -3];
          return [{ row, top: row.y + top, bottom: row.y + bottom }];
        });
        for (const [place, { row, top, bottom }] of boxes.entries()) {
          const crossed = rows.filter((other) => other !== row && other.y > top + 1e-6 && other.y < bottom - 1e-6);
          expect(crossed).toEqual([]);
          const next = boxes[place + 1];
          if (next !== undefined) expect(next.top).toBeGreaterThanOrEqual(bottom - 1 - 1e-6);
        }
        const hidden = rows.filter((row) => !row.labelled).length;
        expect(rows.reduce((sum, row) => sum + row.crowd, 0)).toBe(hidden);
      }
    }
    expect(seen).toBeGreaterThan(1000);
    expect(LABEL_HEIGHT).toBe(17);
  });

  test.each([318, 360, 800, 1350, 2500])('stay within a picture %d pixels wide', (width) => {
    const shape = geometry(width, width < 560);
    expect(LANES.map((lane) => shape.x[lane])).toEqual(LANES.map((lane) => shape.x[lane]).toSorted((a, b) => a - b));
    for (const from of LANES) {
      for (const to of LANES) {
        for (const length of [3, 30, 300]) {
          const { text, x, anchor } = labelPlace('candidate '.repeat(length / 3), ' · +12 close by', from, to, shape);
          expect(text).toMatch(/ · \+12 close by$/);
          const start = anchor === 'start' ? x : x - textWidth(text) / (anchor === 'end' ? 1 : 2);
          expect(start).toBeGreaterThanOrEqual(shape.left - 1);
          expect(start + textWidth(text)).toBeLessThanOrEqual(width + 1);
        }
      }
    }
  });

  test('are cut where they do not fit, and say so', () => {
    expect(fitted('Binding request', 500)).toBe('Binding request');
    expect(fitted('Binding request', 60)).toMatch(/^Bind.*…$/);
  });
});

test('the rows that are seen are found among 2,000', () => {
  const { rows } = layout(
    Array.from({ length: 2000 }, (_, index) => event(index * 1000, `kind.${index}`)),
    OPTIONS,
  );
  const { first, end } = within(rows, 10_000, 10_500);
  expect(rows[first]?.y).toBeGreaterThanOrEqual(10_000);
  expect(rows[first - 1]?.y).toBeLessThan(10_000);
  expect(rows[end]?.y).toBeGreaterThanOrEqual(10_500);
  expect(end - first).toBeLessThan(20);
});

describe('the replay', () => {
  const times = [0, 100_000, 200_000, 60_000_000];

  test('shows each event at its time, at the chosen speed', () => {
    const start = { shown: 0, waited: 0 };
    expect(advance(start, times, 1, 150)).toEqual({ shown: 2, waited: 50 });
    expect(advance(start, times, 0.1, 999)).toEqual({ shown: 1, waited: 999 });
    expect(advance(advance(start, times, 0.1, 999), times, 0.1, 1)).toEqual({ shown: 2, waited: 0 });
  });

  test('shortens long waits and comes to an end', () => {
    const near = { shown: 3, waited: 0 };
    expect(advance(near, times, 1, LONGEST_WAIT_MS - 1).shown).toBe(3);
    expect(advance(near, times, 1, LONGEST_WAIT_MS)).toEqual({ shown: 4, waited: 0 });
  });
});
