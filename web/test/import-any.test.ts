import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timelineText } from '../src/state/export';
import { readIce } from '../src/state/ice/ice';
import { type Found, readText } from '../src/state/import/file';
import { ImportProblem } from '../src/state/import/problem';
import type { ReadRecord } from '../src/state/import/record';
import { layout } from '../src/state/sequence/layout';
import { readTopology } from '../src/state/topology/topology';
import EXPORT from './records/export.json?raw';
import DUMP from './records/webrtc_internals_dump.txt?raw';

/** What a file may have in any place. */
const junk = fc.oneof(
  fc.constantFrom(null, true, 0, -1, 1e300, '', 'nonsense', '[1,', [], {}, [null], { length: 3 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const change = fc.record({ way: fc.array(fc.nat(), { minLength: 1, maxLength: 7 }), value: junk, drop: fc.boolean() });

/** The document with one value somewhere in it replaced or taken out. */
function changed(text: string, { way, value, drop }: { way: number[]; value: unknown; drop: boolean }): string {
  const document: unknown = JSON.parse(text);
  let place = document as Record<string, unknown>;
  for (const [depth, step] of way.entries()) {
    const names = Object.keys(place);
    const name = names[step % Math.max(1, names.length)];
    if (name === undefined) break;
    const inner = place[name];
    if (depth === way.length - 1 || typeof inner !== 'object' || inner === null) {
      if (drop) delete place[name];
      else place[name] = value;
      break;
    }
    place = inner as Record<string, unknown>;
  }
  return JSON.stringify(document);
}

function recordsOf(found: Found): ReadRecord[] {
  return found.format === 'icescope' ? [found.record] : found.connections.map((connection) => connection.record());
}

/** All that the views make of a record. */
function view({ events, reports, session }: ReadRecord): number {
  const ordered = events.toSorted((a, b) => a.time - b.time || a.sequence - b.sequence);
  const ice = readIce(ordered);
  readTopology(ordered, [{ reports }], ice);
  const options = { mode: 'compressed', zoom: 1, viewport: 500, row: 30, folding: true, labels: 'over' } as const;
  return layout(ordered, options).rows.length + timelineText(session, ordered).length;
}

describe.each([
  ['an export', EXPORT],
  ['a dump', DUMP],
])('%s with something wrong in it', (_, text) => {
  test('is either refused in words or shown; nothing breaks', { timeout: 60_000 }, () => {
    let refused = 0;
    let shown = 0;
    fc.assert(
      fc.property(change, (wrong) => {
        try {
          for (const record of recordsOf(readText(changed(text, wrong)))) view(record);
          shown += 1;
        } catch (error) {
          if (!(error instanceof ImportProblem)) throw error;
          expect(error.message.length).toBeGreaterThan(10);
          refused += 1;
        }
      }),
      { numRuns: 60 },
    );
    expect(refused, 'some are wrong').toBeGreaterThan(0);
    expect(shown, 'some do no harm').toBeGreaterThan(0);
  });
});

test('any text at all is either refused in words or shown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(() => readText(text)).toThrow(ImportProblem);
    }),
  );
});
