import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import type { Lane } from '../src/generated/Lane';
import { MARGIN } from '../src/state/sequence/axis';
import { fold } from '../src/state/sequence/folds';
import { isDrawn, LABEL_HEIGHT, type LayoutOptions, layout, rowOf, within } from '../src/state/sequence/layout';
import { phases } from '../src/state/sequence/phases';
import { geometry, LANES, labelPlace, textWidth } from '../src/view/sequence/geometry';
import { label } from '../src/view/sequence/words';

const KINDS = [
  ...['stun.binding.request', 'stun.binding.success', 'stun.binding.error', 'turn.allocate.request'],
  ...['turn.allocate.success', 'dtls.handshake', 'dtls.state', 'ice.candidate', 'ice.connection_state'],
  ...['signalling.offer.sent', 'signalling.answer', 'media.bit_rate', 'rtp.first', 'probe.report', 'stats'],
];
const lane: fc.Arbitrary<Lane> = fc.constantFrom(...LANES);

/** Any event that a daemon might tell, sensible or not. */
const anyEvent: fc.Arbitrary<Event> = fc.record({
  ...{ sequence: fc.nat(), uncertainty: fc.nat(5000), time: fc.integer({ min: -1e6, max: 3e8 }), from: lane, to: lane },
  ...{ seenBy: fc.constantFrom('browser', 'daemon', 'relay'), evidence: fc.constantFrom('packet', 'api') },
  ...{ kind: fc.constantFrom(...KINDS), level: fc.constantFrom('debug', 'info', 'warn', 'error') },
  summary: fc.string({ maxLength: 120 }),
  attributes: fc.record(
    {
      transactionId: fc.constantFrom('a', 'b', 'c', 'd'),
      method: fc.constant('Binding'),
      messageSequence: fc.nat(3),
      remoteAddress: fc.constantFrom('192.0.2.1:1', '[2001:db8::1]:2'),
    },
    { requiredKeys: [] },
  ),
} as unknown as { [name in keyof Event]: fc.Arbitrary<Event[name]> });

/** A session's events in order of time, each with a number of its own. */
const session = fc
  .array(anyEvent, { maxLength: 60 })
  .map((events) =>
    events
      .toSorted((a, b) => a.time - b.time || a.sequence - b.sequence)
      .map((event, sequence) => ({ ...event, sequence })),
  );

const options: fc.Arbitrary<LayoutOptions> = fc.record({
  ...{ mode: fc.constantFrom('compressed', 'linear'), zoom: fc.double({ min: 0.05, max: 40, noNaN: true }) },
  ...{ viewport: fc.integer({ min: 100, max: 2000 }), row: fc.constant(30), folding: fc.boolean() },
  labels: fc.constantFrom('over', 'under'),
} as unknown as { [name in keyof LayoutOptions]: fc.Arbitrary<LayoutOptions[name]> });

const shapes = fc
  .record({ width: fc.integer({ min: 280, max: 2400 }) })
  .map(({ width }) => geometry(width, width < 560));

/** What holds is held for so many sessions. */
const RUNS = { numRuns: 150 };

describe('for any session', () => {
  test('each event is in one row, between its own lanes, and rows stand in order of time', () => {
    fc.assert(
      fc.property(session, options, (events, how) => {
        const { rows, height } = layout(events, how);
        const drawn = events.filter(isDrawn);
        const placed = rows.flatMap((row) => row.events.map(({ sequence }) => sequence));
        expect(placed.toSorted((a, b) => a - b)).toEqual(drawn.map(({ sequence }) => sequence));
        for (const row of rows) {
          for (const { from, to } of row.events) expect([from, to]).toEqual([row.from, row.to]);
          expect(row.y).toBeGreaterThanOrEqual(0);
          expect(row.y).toBeLessThanOrEqual(height);
        }
        for (const [index, row] of rows.entries()) {
          const before = rows[index - 1];
          if (before === undefined) continue;
          expect(row.time).toBeGreaterThanOrEqual(before.time);
          expect(row.y).toBeGreaterThanOrEqual(before.y);
        }
      }),
      RUNS,
    );
  });

  test('no words stand on other words or on another arrow, and none is told of that has no place', () => {
    fc.assert(
      fc.property(session, options, (events, how) => {
        const { rows } = layout(events, how);
        rows.forEach((row, index) => {
          if (!row.labelled) return;
          // Words take the line over their arrow, or the one under it: there is no other arrow in it.
          const beside = rows[how.labels === 'over' ? index - 1 : index + 1];
          if (beside !== undefined) expect(Math.abs(row.y - beside.y)).toBeGreaterThanOrEqual(LABEL_HEIGHT);
        });
        const spoken = rows.filter(({ labelled }) => labelled);
        expect(spoken.length + spoken.reduce((sum, { crowd }) => sum + crowd, 0)).toBe(rows.length);
      }),
      RUNS,
    );
  });

  test('words stay within the picture, beside no time and no phase', () => {
    fc.assert(
      fc.property(session, shapes, (events, shape) => {
        for (const item of fold(events.filter(isDrawn), 3e8, true)) {
          const place = labelPlace(label(item), '', item.from, item.to, shape);
          const width = textWidth(place.text);
          const left = { start: place.x, middle: place.x - width / 2, end: place.x - width }[place.anchor];
          expect(left).toBeGreaterThanOrEqual(shape.left - 1);
          expect(left + width).toBeLessThanOrEqual(shape.width + 1);
        }
      }),
      RUNS,
    );
  });

  test('a later event moves no lane, joins or follows what is there, and takes nothing away', () => {
    fc.assert(
      fc.property(session, anyEvent, shapes, (events, next, shape) => {
        const later = { ...next, time: (events.at(-1)?.time ?? 0) + 1, sequence: events.length };
        const now = later.time;
        const [before, after] = [events, [...events, later]].map((all) => fold(all.filter(isDrawn), now, true));
        before?.forEach((item, index) => {
          const same = after?.[index];
          expect([same?.from, same?.to, same?.events[0]]).toEqual([item.from, item.to, item.events[0]]);
        });
        expect(geometry(shape.width, shape.narrow)).toEqual(shape);
      }),
      RUNS,
    );
  });

  test('phases of one column do not overlap, and only what is in the window is drawn', () => {
    fc.assert(
      fc.property(session, options, fc.nat(4000), (events, how, top) => {
        const found = phases(events.filter(isDrawn));
        for (const [index, one] of found.entries()) {
          expect(one.to).toBeGreaterThanOrEqual(one.from);
          for (const other of found.slice(index + 1)) {
            if (other.column === one.column) expect(other.from > one.to || one.from > other.to).toBe(true);
          }
        }
        const { rows } = layout(events, how);
        const { first, end } = within(rows, top, top + 500);
        rows.forEach(({ y }, index) => {
          expect(index >= first && index < end).toBe(y >= top && y < top + 500);
        });
      }),
      RUNS,
    );
  });

  test('an event is found in its row, and a picture has its margin', () => {
    fc.assert(
      fc.property(session, options, (events, how) => {
        const { rows, height } = layout(events, how);
        for (const event of events.filter(isDrawn)) {
          const index = rowOf(rows, event.sequence);
          expect(rows[index ?? -1]?.events.some(({ sequence }) => sequence === event.sequence)).toBe(true);
        }
        const [first, last] = [rows[0], rows.at(-1)];
        if (first !== undefined && last !== undefined) {
          expect(first.y).toBeGreaterThanOrEqual(MARGIN - 1);
          expect(height - last.y).toBeGreaterThanOrEqual(MARGIN - 1);
        }
      }),
      RUNS,
    );
  });
});

test('lanes keep their order and stand apart at any width', () => {
  fc.assert(
    fc.property(shapes, ({ x, left, width }) => {
      const places = LANES.map((lane) => x[lane]);
      for (const [index, place] of places.entries()) {
        if (index > 0) expect(place - (places[index - 1] ?? 0)).toBeGreaterThan(20);
      }
      expect(places[0]).toBeGreaterThan(left);
      expect(places.at(-1)).toBeLessThan(width);
    }),
  );
});
