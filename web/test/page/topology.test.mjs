// Topology and pairs of the built page in Chromium: what is drawn of recorded sessions, on wide and narrow pages, light and dark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { NO_PATH, THROUGH_NATS } from './ice.mjs';
import { openPage } from './scene.mjs';

const timeout = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOOKS = [
  { viewport: { width: 360, height: 740 }, colorScheme: 'light' },
  { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  { viewport: { width: 2560, height: 1300 }, colorScheme: 'light' },
];

/** The page with a session whose events are these; the page's own are not placed, for its clock is never known. */
async function show(t, { events, probes }, options) {
  const scene = await openPage(t, options);
  const { page, daemon } = scene;
  daemon.once('hello', () => Object.defineProperty(daemon.session, 'clock', { get: () => undefined, set: () => {} }));
  await page.click('#start');
  await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
  daemon.tellProbes(probes);
  for (const event of events) daemon.saw(event);
  await page.waitForFunction((all) => window.icescope.events().length === all, events.length);
  await page.waitForSelector('.topology-track');
  return scene;
}

test('the selected path passes the boxes that it crosses, and the matrix has its cell', { timeout }, async (t) => {
  const { page, complaints } = await show(t, THROUGH_NATS);
  const stations = await page.$$eval('.topology-track[data-role="selected"] li', (all) =>
    all.map((li) => [li.dataset.box, li.dataset.via]),
  );
  assert.deepEqual(stations, [
    ['browser', 'end'],
    ['browser-nat', 'through'],
    ['internet', 'past'],
    ['daemon-nat', 'through'],
    ['daemon', 'end'],
  ]);
  const cell = await page.textContent('.pairs-cell[data-state="selected"]');
  assert.match(cell, /browser 6\/4.*daemon 5\/3/s);
  assert.equal(await page.textContent('#pair-way'), 'direct through NAT, UDP over IPv4');
  assert.deepEqual(complaints, []);
});

test('the matrix is worked by keyboard', { timeout }, async (t) => {
  const { page } = await show(t, THROUGH_NATS);
  await page.focus('.pairs-cell[data-state="failed"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#pair-details[data-state="failed"]');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => document.activeElement.dataset.state), 'failed');
});

for (const options of LOOKS) {
  const { viewport, colorScheme } = options;
  test(`boxes stand apart, lines in their boxes, and axe finds nothing, ${viewport.width} px ${colorScheme}`, {
    timeout,
  }, async (t) => {
    const { page } = await show(t, NO_PATH, options);
    await page.click('.as-table > summary');
    for (const help of await page.$$('#topology .help > summary, #candidates .help > summary')) await help.click();
    const found = await page.evaluate(() => {
      const box = (element) => element.getBoundingClientRect();
      const stages = [...document.querySelectorAll('.topology-stage')].map(box);
      const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      const overlapping = stages.filter((a, i) => stages.some((b, j) => i < j && meets(a, b))).length;
      // Each mark of a line lies within the box of its name.
      const outside = [...document.querySelectorAll('.topology-track li')].filter((li) => {
        const mark = li.querySelector('.dot, .stop, .doubt');
        const stage = document.querySelector(`.topology-stage[data-box="${li.dataset.box}"]`);
        if (mark === null) return false;
        const [a, b] = [box(mark), box(stage)];
        return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1;
      }).length;
      return { overlapping, outside, wider: document.documentElement.scrollWidth > innerWidth };
    });
    assert.deepEqual(found, { overlapping: 0, outside: 0, wider: false });
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run('#topology, #candidates'));
    assert.deepEqual(
      violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
      [],
    );
  });
}
