// The sequence diagram in Chromium, over recorded sessions.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { longSession } from '../records/long.mjs';
import { openPage } from './scene.mjs';

const timeout = 90_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RELAY = readFileSync(new URL('../records/relay.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

/** A session that was refused, so that the page itself adds nothing more, with these events in it. */
async function shows(t, events, options) {
  const scene = await openPage(t, options);
  const { page, daemon } = scene;
  daemon.refuse = { status: 400, json: { code: 'no', message: 'only the record is looked at here' } };
  await page.click('#start');
  await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'failed');
  daemon.sawAll(events);
  const last = events.at(-1);
  await page.waitForFunction(
    ([kind, time]) => {
      const events = window.icescope.events();
      // The page's last words: from then on nothing more comes.
      const quiet = events.some((event) => event.kind === 'page.stopped');
      return quiet && events.some((event) => event.kind === kind && event.time === time);
    },
    [last.kind, last.time],
  );
  return scene;
}

/**
 * Has all of a short session drawn, and answers the rows from top to bottom with the events that they were made of, both of one
 * moment: what the page itself still adds asks for another look.
 */
const all = async (page) => {
  const found = await page.waitForFunction(() => {
    document.querySelector('#sequence .zoom button:last-child').click();
    const rows = [...document.querySelectorAll('#sequence .item')].map((row) => ({
      ...{ from: row.dataset.from, to: row.dataset.to, kind: row.dataset.kind },
      ...{ count: Number(row.dataset.count), sequence: Number(row.dataset.sequence) },
      y: row.transform.baseVal.consolidate().matrix.f,
    }));
    const events = window.icescope.events().filter((event) => event.kind !== 'stats');
    return rows.reduce((sum, { count }) => sum + count, 0) === events.length && { rows, events };
  });
  return found.jsonValue();
};

test('each event is in one arrow or mark, between its lanes and in its order', { timeout }, async (t) => {
  const { page, complaints } = await shows(t, RELAY);
  const { rows, events } = await all(page);
  const arrows = (list) => list.filter(({ from, to }) => from !== to);
  const sum = arrows(rows).reduce((total, { count }) => total + count, 0);
  assert.equal(
    sum,
    arrows(events).length,
    'the counts of the arrows are the events that went from one lane to another',
  );
  assert.ok(
    rows.some(({ count }) => count > 1),
    'something was folded',
  );

  const bySequence = new Map(events.map((event) => [event.sequence, event]));
  for (const { sequence, from, to, kind } of rows) {
    const event = bySequence.get(sequence);
    assert.deepEqual({ from, to, kind }, { from: event.from, to: event.to, kind: event.kind });
  }
  const times = rows.map(({ sequence }) => bySequence.get(sequence).time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  const heights = rows.map(({ y }) => y);
  assert.deepEqual(
    heights,
    heights.toSorted((a, b) => a - b),
  );

  // An arrow's ends are on the lines of its lanes.
  const ends = await page.evaluate(() => {
    const lane = (name) => document.querySelector(`.lifeline[data-lane="${name}"]`).x1.baseVal.value;
    return [...document.querySelectorAll('#sequence .item')]
      .filter((row) => row.dataset.from !== row.dataset.to)
      .map((row) => {
        const { x1 } = row.querySelector('.shaft');
        const tip = Number(/^M([\d.]+)/.exec(row.querySelector('.tip').getAttribute('d'))[1]);
        return [x1.baseVal.value - lane(row.dataset.from), Math.abs(tip - lane(row.dataset.to))];
      });
  });
  assert.ok(ends.length > 40);
  for (const [start, tip] of ends) assert.ok(start === 0 && tip <= 1, `${start}, ${tip}`);

  await page.uncheck('#sequence .check input');
  assert.ok(
    (await all(page)).rows.every(({ count }) => count === 1),
    'unfolded, each event is an arrow of its own',
  );
  assert.equal(complaints.filter((line) => !line.includes('400')).length, 0, complaints.join('\n'));
});

test('packets are solid and what an API told is dashed; lines of words never stand on each other', {
  timeout,
}, async (t) => {
  const { page } = await shows(t, RELAY);
  await page.waitForSelector('#sequence .item[data-evidence="api"] .shaft', { state: 'attached' });
  const dashes = await page.evaluate(() =>
    [...document.querySelectorAll('#sequence .item .shaft')].map((line) => [
      line.parentElement.dataset.evidence,
      getComputedStyle(line).strokeDasharray,
    ]),
  );
  for (const [evidence, dash] of dashes) assert.equal(dash === 'none', evidence === 'packet', `${evidence}: ${dash}`);
  for (const scroll of [0, 600, 1200, 5000]) {
    await page.evaluate((top) => {
      document.querySelector('#sequence .frame').scrollTop = top;
    }, scroll);
    const crossed = await page.evaluate(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const boxes = [...document.querySelectorAll('#sequence .words')].map((words) => words.getBoundingClientRect());
      const frame = document.querySelector('#sequence .frame').getBoundingClientRect();
      const outside = boxes.filter(({ left, right }) => left < frame.left || right > frame.right);
      const over = boxes.filter((a) =>
        boxes.some(
          (b) => a !== b && a.top < b.bottom - 3 && b.top < a.bottom - 3 && a.left < b.right && b.left < a.right,
        ),
      );
      return { labels: boxes.length, outside: outside.length, over: over.length };
    });
    assert.ok(crossed.labels > 10);
    assert.deepEqual({ ...crossed, labels: 0 }, { labels: 0, outside: 0, over: 0 }, `at ${scroll}`);
  }
});

test('the arrow keys go from arrow to arrow and to the answer; Enter keeps the message', { timeout }, async (t) => {
  const { page } = await shows(t, RELAY);
  await page.focus('#sequence .frame');
  await page.keyboard.press('Home');
  const active = () => page.$eval('#sequence .item.active', (row) => ({ ...row.dataset }));
  const there = () =>
    page.$eval(
      '#sequence .frame',
      (frame) => frame.getAttribute('aria-activedescendant') === document.querySelector('#sequence .item.active').id,
    );
  assert.equal((await active()).index, '0');
  for (let step = 0; step < 60 && (await active()).kind !== 'turn.allocate.request'; step += 1) {
    await page.keyboard.press('ArrowDown');
  }
  assert.equal((await active()).kind, 'turn.allocate.request');
  assert.ok(await there());
  assert.match(await page.textContent('#sequence-details'), /Allocate request to 192\.0\.2\.1:3478/);
  await page.keyboard.press('ArrowRight');
  assert.equal((await active()).kind, 'turn.allocate.error', 'the answer of this request');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#sequence .item[aria-selected="true"][data-kind="turn.allocate.error"]');
  // The same event is open in the timeline.
  assert.match(await page.textContent('#details'), /401/);
  await page.keyboard.press('Escape');
  await page.waitForSelector('#details', { state: 'detached' });
});

test('the pointer shows a message, and a click keeps it', { timeout }, async (t) => {
  const { page } = await shows(t, RELAY);
  // What is further down than the window is not in the document.
  await page.evaluate(() => document.querySelector('#sequence .frame').scrollTo(0, 400));
  const row = page.locator('#sequence .item[data-kind="signalling.offer"]').first();
  await row.waitFor({ state: 'attached' });
  await page.evaluate(() => {
    document.querySelector('#sequence .item[data-kind="signalling.offer"]').scrollIntoView({ block: 'center' });
  });
  // Cards above may still grow and move the row away from under the pointer: it follows.
  const message = () => page.textContent('#sequence-details', { timeout: 1000 }).catch(() => '');
  do await row.hover({ force: true });
  while (!(await message()).startsWith('signalling.offer'));
  await row.click({ force: true });
  await page.waitForSelector('#sequence .item[aria-selected="true"][data-kind="signalling.offer"]');
  await page.mouse.move(0, 0);
  assert.match(await page.textContent('#sequence-details'), /^signalling\.offer/);
});

test('the same as a table, and a phase’s key leads to its beginning', { timeout }, async (t) => {
  const { page } = await shows(t, RELAY);
  await page.click('#sequence .phases [data-phase="dtls"]');
  await page.waitForFunction(
    () => document.querySelector('#sequence .item.active')?.dataset.kind === 'dtls.client_hello',
  );
  const picture = (await all(page)).rows.map(({ kind, count }) => `${kind} ${count}`);
  await page.click('#sequence .views button:last-child');
  const table = await page.$$eval('#sequence tr[data-sequence]', (rows) =>
    rows.map(({ dataset }) => `${dataset.kind} ${dataset.count}`),
  );
  assert.deepEqual(table, picture);
});

test('a replay shows the arrows once more, as they came', { timeout }, async (t) => {
  const { page } = await shows(t, RELAY);
  await page.waitForSelector('#sequence .replay');
  const whole = (await all(page)).rows.length;
  const slider = page.locator('#sequence .replay input');
  await slider.fill('10');
  await page.waitForFunction(() => document.querySelectorAll('#sequence .item').length <= 10);
  await page.selectOption('#sequence .replay select', '100');
  await page.click('#sequence .replay button');
  await page.waitForFunction((wanted) => document.querySelectorAll('#sequence .item').length === wanted, whole);
});

test('2,000 events: only what is seen is in the document', { timeout }, async (t) => {
  const events = longSession(RELAY, 2000);
  const { page } = await shows(t, events);
  for (const folding of [true, false]) {
    const took = await page.evaluate(async (wanted) => {
      const box = document.querySelector('#sequence .check input');
      if (box.checked === wanted) box.click();
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      const start = performance.now();
      box.click();
      // Drawing is a few microtasks away.
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      document.body.getBoundingClientRect();
      return performance.now() - start;
    }, folding);
    const rows = await page.$$('#sequence .item');
    assert.ok(rows.length > 10 && rows.length < 60, `${rows.length} in the document`);
    t.diagnostic(`2,000 events laid out and drawn anew, ${folding ? 'folded' : 'unfolded'}: ${took.toFixed(1)} ms`);
  }
  const counted = Number(await page.getAttribute('#sequence .item', 'aria-setsize'));
  assert.ok(counted > 1990, `${counted} rows are told to a screen reader`);
  const steps = await page.evaluate(async () => {
    const frame = document.querySelector('#sequence .frame');
    const took = [];
    for (let step = 0; step <= 60; step += 1) {
      const before = performance.now();
      frame.scrollTop = (frame.scrollHeight * step) / 60;
      frame.dispatchEvent(new Event('scroll'));
      await Promise.resolve();
      document.body.getBoundingClientRect();
      took.push(performance.now() - before);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return took.sort((a, b) => a - b);
  });
  t.diagnostic(`a scroll step in it: median ${steps[30].toFixed(1)} ms, worst ${steps.at(-1).toFixed(1)} ms`);
});

test('while 200 events a second come in, the page stays in motion', { timeout }, async (t) => {
  const { page, daemon } = await openPage(t);
  await page.click('#start');
  await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
  daemon.sawAll(longSession(RELAY, 2000));
  const begin = daemon.session.events.at(-1).time;
  const frames = page.evaluate(
    () =>
      new Promise((resolve) => {
        const gaps = [];
        let last = performance.now();
        requestAnimationFrame(function next(now) {
          gaps.push(now - last);
          last = now;
          if (window.over === true) resolve(gaps);
          else requestAnimationFrame(next);
        });
      }),
  );
  for (let number = 0; number < 600; number += 20) {
    const time = begin + number * 5000;
    daemon.sawAll(
      Array.from({ length: 20 }, (_, index) => ({
        ...{ ...RELAY[20], evidence: 'api', kind: 'ice.candidate', time: time + index * 5000 },
        ...{ summary: `${number + index}`, attributes: {} },
      })),
    );
    // The pace of what is measured, not a wait for something.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await page.evaluate(() => {
    window.over = true;
  });
  const gaps = (await frames).slice(1).sort((a, b) => a - b);
  const [median, most] = [gaps[gaps.length >> 1], gaps[Math.floor(gaps.length * 0.95)]];
  const words = `median ${median.toFixed(1)} ms, 95 % below ${most.toFixed(1)} ms`;
  t.diagnostic(`200 events a second into 2,000: frames ${words}, ${gaps.length} of them`);
  await page.waitForFunction(() => {
    const row = document.querySelector('#sequence .item');
    return row !== null && Number(row.getAttribute('aria-setsize')) > 800;
  });
});

for (const [name, options] of [
  ['light', { colorScheme: 'light' }],
  ['dark, 360 pixels wide', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
]) {
  test(`no known accessibility fault in picture, message and table, ${name}`, { timeout }, async (t) => {
    const { page } = await shows(t, longSession(RELAY, 300), { ...options, bypassCSP: true });
    await page.evaluate(AXE);
    const faults = async () => {
      const { violations } = await page.evaluate(() => window.axe.run('#sequence'));
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    };
    await page.click('#sequence .help summary');
    await page.focus('#sequence .frame');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    assert.deepEqual(await faults(), []);
    const [wanted, there] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(wanted <= there, `${wanted} pixels wide`);
    await page.click('#sequence .views button:last-child');
    assert.deepEqual(await faults(), []);
  });
}
