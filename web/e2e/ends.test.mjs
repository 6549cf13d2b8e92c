// Ends of a session: DELETE, a closed tab, a browser that vanished, a cut wire; each is noticed and named. And of a daemon
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { getThere } from './lib/http.mjs';
import { layNetwork, wire } from './lib/network.mjs';
import { scene, sessionOf, start } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

/** The product's own promise, in seconds. */
const VANISHED = 30;
const timeout = 120_000;
layNetwork();

/** Waits until the session is over and answers why and after how many seconds. */
async function over(session, read, seconds) {
  const begin = performance.now();
  const closed = await until(
    'the session is over',
    async () => {
      const { session: head } = await read(`/api/sessions/${session.id}`, { Authorization: `Bearer ${session.token}` });
      return head.state === 'closed' && head.closed;
    },
    { seconds, every: 200 },
  );
  return { ...closed, after: (performance.now() - begin) / 1000 };
}

async function watched(t) {
  const { daemon, browser, page, explained } = await scene(t);
  await explained(start(page));
  return { daemon, browser, page, session: await sessionOf(page), read: (...request) => daemon.get(...request) };
}

test('DELETE of the resource ends the session', { timeout }, async (t) => {
  const { daemon, page, session, read } = await watched(t);
  const status = await page.evaluate(async () => (await fetch(window.e2e.resources[0], { method: 'DELETE' })).status);
  assert.equal(status, 200);
  const closed = await daemon.explained(over(session, read, 5));
  assert.equal(closed.code, 'deleted');
});

test('a closed tab ends the session', { timeout }, async (t) => {
  const { daemon, page, session, read } = await watched(t);
  await page.close();
  const closed = await daemon.explained(over(session, read, VANISHED));
  t.diagnostic(`noticed after ${closed.after.toFixed(1)} s: ${closed.code} (${closed.reason})`);
  assert.ok(['deleted', 'closed-by-remote'].includes(closed.code), closed.code);
});

test('the session of a killed browser is gone within 30 s', { timeout }, async (t) => {
  const { daemon, browser, session, read } = await watched(t);
  browser.vanish();
  const closed = await daemon.explained(over(session, read, VANISHED));
  t.diagnostic(`noticed after ${closed.after.toFixed(1)} s: ${closed.code} (${closed.reason})`);
  assert.equal(closed.code, 'vanished');
});

test('a daemon that is restarted is said to be away; the page comes back by itself, and lists what it remembers now', {
  timeout,
}, async (t) => {
  const { daemon, page, session } = await watched(t);
  const state = (wanted) =>
    page.until(`the page says ${wanted}`, (name) => document.querySelector('#state').dataset.state === name, wanted, {
      seconds: 30,
    });
  await page.evaluate(() => document.querySelector('#sessions').scrollIntoView());
  await page.until(
    'its session is listed',
    (id) => document.querySelector(`tr[data-session="${id}"]`) !== null,
    session.id,
  );
  const begin = performance.now();
  await daemon.explained(daemon.restart(() => state('away')));
  await daemon.explained(state('playing'));
  t.diagnostic(`playing again ${((performance.now() - begin) / 1000).toFixed(1)} s after the daemon was told to stop`);
  const again = await sessionOf(page);
  assert.notEqual(again.id, session.id);
  await page.evaluate(() => document.querySelector('#sessions').scrollIntoView());
  const listed = () => [...document.querySelectorAll('#sessions tbody tr')].map((row) => row.dataset.session);
  await page.until(
    'the new session is listed',
    (id) => document.querySelector(`tr[data-session="${id}"]`) !== null,
    again.id,
  );
  assert.deepEqual(await page.evaluate(listed), [again.id], 'what was forgotten is not listed');
});

// The last one: nothing passes the wire after it.
test('the session behind a cut wire is gone within 30 s', { timeout }, async (t) => {
  const { daemon, session } = await watched(t);
  execFileSync('ip', ['link', 'set', wire, 'down']);
  const closed = await daemon.explained(over(session, getThere, VANISHED));
  t.diagnostic(`noticed after ${closed.after.toFixed(1)} s: ${closed.code} (${closed.reason})`);
  assert.equal(closed.code, 'vanished');
});
