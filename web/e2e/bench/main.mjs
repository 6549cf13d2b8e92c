// The figures that icescope holds itself to, measured here and now: node web/e2e/run.mjs --bench [--only FIGURE] [--runs N]
import { parseArgs } from 'node:util';
import { layNetwork } from '../lib/network.mjs';
import { firstFrame } from './first-frame.mjs';
import { pictures } from './pictures.mjs';
import { startUp } from './start-up.mjs';
import { viewers } from './viewers.mjs';

const FIGURES = { 'first-frame': firstFrame, viewers, start: startUp, pictures };

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, runs: { type: 'string' } } });
const runs = Number(values.runs ?? 12);
const wanted = values.only ?? Object.keys(FIGURES);
const unknown = wanted.filter((name) => !(name in FIGURES));
if (unknown.length > 0 || !(runs >= 1)) {
  console.error(`--only takes one of ${Object.keys(FIGURES).join(', ')}; --runs a number of at least 1`);
  process.exit(2);
}
if (runs < 10) console.log(`(only ${runs} runs: no median to hold anybody to)`);

layNetwork();
const rows = [];
for (const name of wanted) rows.push(...(await FIGURES[name](runs)));

const width = Math.max(...rows.map((row) => row.figure.length));
console.log('');
for (const { figure, value, unit, bar, note = '' } of rows) {
  const verdict = bar === undefined ? '' : value <= bar ? 'OK  ' : 'MISS';
  const held = bar === undefined ? '' : `bar ≤ ${bar} ${unit}`.trim();
  const digits = Math.abs(value) < 10 ? 3 : 1;
  console.log(
    `  ${figure.padEnd(width)}  ${value.toFixed(digits).padStart(9)} ${unit.padEnd(4)} ${held.padEnd(16)} ${verdict} ${note}`,
  );
}
const missed = rows.filter((row) => row.bar !== undefined && !(row.value <= row.bar)).length;
const held = rows.filter((row) => row.bar !== undefined).length - missed;
console.log(`\n${held} passed, ${missed} failed`);
process.exit(missed > 0 ? 1 : 0);
