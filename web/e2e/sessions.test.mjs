// Sessions that are over, files, links and frames: through the real daemon
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from './lib/browser.mjs';
import { ORIGIN } from './lib/config.mjs';
import { ask } from './lib/http.mjs';
import { layNetwork } from './lib/network.mjs';
import { readSequence, readVerdict } from './lib/pictures.mjs';
import { scene, sessionOf, start } from './lib/scene.mjs';
import { FOREIGN_ORIGIN, serve } from './lib/serve.mjs';
import { until } from './lib/until.mjs';

const timeout = 120_000;
layNetwork();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const top = join(dirname(fileURLToPath(import.meta.url)), '../..');
const artifacts = join(top, process.env.CARGO_TARGET_DIR ?? 'target', 'artifacts/sessions');
mkdirSync(artifacts, { recursive: true });

const LOOKS = {
  light: { width: 1440, height: 900, colorScheme: 'light' },
  dark: { width: 1440, height: 900, colorScheme: 'dark' },
  phone: { width: 390, height: 844, colorScheme: 'light' },
};

/** A session that played and was stopped, with its last verdict and its record. */
async function played(t) {
  const { daemon, browser, page, explained } = await scene(t);
  await explained(start(page));
  const session = await sessionOf(page);
  await page.until(
    'the verdict is that it works',
    () => document.querySelector('#verdict').dataset.outcome === 'connected',
  );
  await page.click('#start');
  const record = await page.untilHere('its last verdict is there', async () => {
    const read = await daemon.record(session);
    return read.session.closed !== null && read.session.verdict !== null && read;
  });
  return { daemon, browser, page, explained, session, record };
}

/** What the page shows of a session: all events, the arrows, the verdict. */
async function pictures(page) {
  const { rows, told } = await page.until('all is drawn', readSequence, readSequence.argument);
  const arrows = rows.filter(({ from, to }) => from !== to);
  return {
    arrows: arrows.map(({ sequence, from, to, kind, count }) => ({ sequence, from, to, kind, count })),
    told,
    verdict: await page.evaluate(readVerdict),
    events: await page.evaluate(() => window.icescope.events()),
  };
}

/** Opens a session out of the list. */
async function openPast(page, { id }) {
  await page.evaluate(() => document.querySelector('#sessions').scrollIntoView());
  await page.click(`#sessions tr[data-session="${id}"] button`);
  await page.until('it is shown', () => document.querySelector('#shown[data-origin="remembered"]') !== null);
}

async function holdAccessible(page, what) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  });
  assert.deepEqual(violations, [], what);
}

async function photograph(page, name) {
  for (const [look, size] of Object.entries(LOOKS)) {
    await page.look(size);
    await page.screenshot(join(artifacts, `${name}-${look}.png`));
  }
  await page.look(LOOKS.light);
}

test('a session that is over is opened, exported, and imported in a fresh page: all say the same', {
  timeout,
}, async (t) => {
  const { daemon, browser, page, explained, session, record } = await played(t);
  await explained(openPast(page, session));
  const past = await pictures(page);
  assert.deepEqual(
    past.events.map(({ sequence }) => sequence),
    record.events.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    'the events are the record’s',
  );
  assert.ok(past.arrows.length > 20, past.told);
  assert.equal(past.verdict.summary, record.session.verdict.summary);
  await photograph(page, 'past');
  await page.click('.export summary');
  await holdAccessible(page, 'a past session');

  const exported = await page.download('#export-json');
  writeFileSync(join(artifacts, 'export.json'), exported.content);
  assert.equal(JSON.parse(exported.text).format, 'icescope.session/1');
  assert.deepEqual(JSON.parse(exported.text).events, record.events);
  const text = await page.download('#export-text');
  assert.ok(text.text.split('\n').length > record.events.length);

  await page.click('#export-redacted');
  const redacted = await page.download('#export-json');
  assert.equal(JSON.parse(redacted.text).redacted, true);
  for (const address of ['192.0.2.1', '192.0.2.2']) {
    assert.ok(exported.text.includes(address) && !redacted.text.includes(address), address);
  }

  const fresh = await browser.open(ORIGIN);
  for (const [file, isSame] of [
    [exported, true],
    [redacted, false],
  ]) {
    await fresh.choose('#import-file', file);
    await fresh.until('it is shown', (name) => document.querySelector('#shown')?.textContent.includes(name), file.name);
    const imported = await pictures(fresh);
    assert.deepEqual(imported.arrows, past.arrows);
    assert.equal(imported.told, past.told);
    assert.equal(imported.verdict.outcome, past.verdict.outcome);
    if (isSame) assert.deepEqual(imported.verdict, past.verdict);
    assert.equal(imported.events.length, past.events.length);
  }
  await photograph(fresh, 'imported');
  await holdAccessible(fresh, 'an imported session');
  assert.deepEqual([...page.errors, ...fresh.errors], [], 'no request was refused, nothing broke a policy');
  t.diagnostic(`${past.told}; pictures in ${artifacts}`);
  assert.ok(!daemon.log.includes(session.token));
});

test('a link shows the session in another browser, and its key is in no address and no log', { timeout }, async (t) => {
  const { daemon, page, explained, session } = await played(t);
  await explained(openPast(page, session));
  await page.click('.export summary');
  await page.click('#share');
  const link = await page.until('there is the link', () => document.querySelector('#share-link')?.value);
  const key = new URLSearchParams(new URL(link).hash.slice(1)).get('key');
  assert.notEqual(key, session.token, 'the link does not give the session away');
  const other = await chromium();
  t.after(() => other.close());
  const guest = await other.open('about:blank');
  const addresses = [];
  guest.watchRequests((address) => addresses.push(address));
  await guest.goto(link);
  await guest.until('it is shown', () => document.querySelector('#shown[data-origin="remembered"]') !== null);
  const [mine, theirs] = [await pictures(page), await pictures(guest)];
  assert.deepEqual(theirs.arrows, mine.arrows);
  assert.deepEqual(theirs.verdict, mine.verdict);
  assert.ok(addresses.some((address) => address.includes(session.id)));
  assert.ok(
    addresses.every((address) => !new URL(address).search.includes(key) && !new URL(address).pathname.includes(key)),
  );
  assert.ok(!daemon.log.includes(key), 'no log has the key');
  assert.deepEqual(guest.errors, []);
  await photograph(guest, 'link');
  // Only what the daemon still knows: after a restart it knows none.
  await daemon.restart();
  const late = await other.open(link);
  await late.until('the page says so', () =>
    /no longer there/.test(document.querySelector('#open-problem')?.textContent),
  );
});

test('an admin’s token lists every session; without it a page elsewhere knocks at no closed door', {
  timeout,
}, async (t) => {
  const { daemon, explained, session, browser } = await played(t);
  const page = await browser.open(ORIGIN);
  const asked = [];
  page.watchRequests((address) => asked.push(new URL(address).pathname));
  await page.evaluate(() => document.querySelector('#sessions').scrollIntoView());
  await page.until('it says why', () => document.querySelector('#sessions form') !== null);
  assert.ok(!asked.includes('/api/sessions') && !asked.includes('/api/probes'), asked.join(' '));
  assert.equal(await page.evaluate(() => document.querySelectorAll('#sessions tbody tr').length), 0);
  await page.evaluate((token) => {
    const field = document.querySelector('#sessions [name="token"]');
    field.value = token;
    field.form.requestSubmit();
  }, daemon.adminToken);
  await explained(openPast(page, session));
  const { verdict } = await pictures(page);
  assert.equal(verdict.outcome, 'connected');
  assert.deepEqual(page.errors, []);
});

test('a dump that this browser makes of a session in chrome://webrtc-internals is opened', { timeout }, async (t) => {
  const { browser, page, explained } = await scene(t);
  // It tells only of what is while it is open.
  const internals = await browser.open('chrome://webrtc-internals');
  await explained(start(page));
  await page.until('statistics were recorded', () => window.icescope.events().some(({ kind }) => kind === 'stats'));
  const local = await page.evaluate(() => {
    const told = ({ kind, seenBy, attributes }) => kind === 'ice.candidate' && seenBy === 'browser' && attributes.port;
    return window.icescope.events().filter(told).length;
  });
  await internals.until('it has statistics', () => /inbound-rtp/.test(document.body.textContent));
  await internals.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  const dump = await internals.download('#dump-click-target');
  assert.equal(dump.name, 'webrtc_internals_dump.gz');
  const fresh = await browser.open(ORIGIN);
  await fresh.choose('#import-file', dump);
  await fresh.until('it is shown', () => /one end only/.test(document.querySelector('#shown')?.textContent));
  const { events, arrows, verdict } = await pictures(fresh);
  const states = events.filter(({ kind }) => kind === 'pc.connection_state');
  assert.equal(states.at(-1).attributes.connectionState, 'connected');
  assert.ok(
    events.some(({ attributes }) => attributes['inbound-rtp']?.[0].framesDecoded > 0),
    'the figures are there',
  );
  assert.equal(events.filter(({ kind, attributes }) => kind === 'ice.candidate' && attributes.port).length, local);
  assert.ok(
    arrows.every(({ kind }) => ['ice.candidate', 'ice.candidate_error'].includes(kind)),
    'an arrow is only what the browser says that a server sent',
  );
  assert.equal(verdict.outcome, 'none');
  assert.deepEqual(fresh.errors, []);
  await photograph(fresh, 'internals');
});

/** Runs in a page: frames another one, and tells what of it can be seen. */
async function frame(address) {
  const element = document.createElement('iframe');
  element.src = address;
  const loaded = new Promise((resolve) => {
    element.onload = resolve;
  });
  document.body.append(element);
  await loaded;
  return element.contentDocument?.querySelector('main')?.dataset.views ?? null;
}

test('a single view plays in a frame of the daemon’s own origin; elsewhere only where it is allowed', {
  timeout,
}, async (t) => {
  const { daemon, page, browser, explained } = await scene(t);
  assert.equal(await page.evaluate(frame, '/?view=video'), 'video');
  const alone = await browser.open(`${ORIGIN}/?view=video&theme=dark`);
  await explained(start(alone));
  const there = await alone.evaluate(() => [...document.querySelectorAll('header, section')].map(({ id }) => id));
  assert.deepEqual(there, [], 'only the picture');
  await alone.look(LOOKS.light);
  await alone.screenshot(join(artifacts, 'frame-video.png'));
  await holdAccessible(alone, 'the video alone');
  assert.deepEqual(alone.errors, []);

  await serve(t, { '/': '<title>foreign</title><body>', '/favicon.ico': '' });
  const foreign = await browser.open(FOREIGN_ORIGIN);
  assert.equal(await foreign.evaluate(frame, `${ORIGIN}/?view=video`), null);
  assert.match(foreign.errors.join(), /frame-ancestors/);

  daemon.reload({ server: { 'allowed-frames': [FOREIGN_ORIGIN] } });
  const named = new URL(FOREIGN_ORIGIN).host;
  await until('the daemon has read it', async () => {
    const { headers } = await ask('GET', '/');
    return headers['content-security-policy'].includes(named);
  });
  const welcome = await browser.open(FOREIGN_ORIGIN);
  const loaded = [];
  welcome.watchRequests((address) => loaded.push(address));
  await welcome.evaluate(frame, `${ORIGIN}/?view=video`);
  assert.ok(
    loaded.some((address) => address.startsWith(`${ORIGIN}/assets/`)),
    'the page in the frame has run',
  );
  assert.deepEqual(welcome.errors, []);
});
