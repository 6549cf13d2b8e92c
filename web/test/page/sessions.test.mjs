// Past sessions, files, links and frames: the built page in Chromium against the stand-in daemon.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { ORIGIN } from './daemon.mjs';
import { openPage } from './scene.mjs';

const timeout = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const record = (name) => new URL(`../records/${name}`, import.meta.url);
const PAST = JSON.parse(readFileSync(record('old-export.json'), 'utf8'));
PAST.session.closed = { code: 'deleted', reason: 'the client ended the session (DELETE)' };
const ELSEWHERE = 'http://robot.example:8085';

const list = (page) => page.waitForSelector('#sessions tbody tr');
const shown = (page, origin) => page.waitForSelector(`#shown[data-origin="${origin}"]`);
const events = (page) => page.evaluate(() => window.icescope.events());
const stage = (page, wanted) =>
  page.waitForFunction((name) => document.querySelector('#state').dataset.state === name, wanted);
const remembers = (daemon) => daemon.remember(structuredClone(PAST));

/** Chooses a file at the page's own button. */
const choose = (page, name, text) =>
  page.setInputFiles('#import-file', { name, mimeType: 'application/json', buffer: Buffer.from(text) });

async function openFirst(page) {
  await page.locator('#sessions').scrollIntoViewIfNeeded();
  await list(page);
  await page.click(`#sessions tr[data-session="${PAST.session.id}"] button`);
  await shown(page, 'remembered');
}

test('a past session is opened in the same views, said to be not live, with a way back', { timeout }, async (t) => {
  const { page, complaints } = await openPage(t, {}, { before: remembers });
  await openFirst(page);
  assert.deepEqual(
    (await events(page)).map(({ sequence }) => sequence),
    PAST.events.map(({ sequence }) => sequence),
  );
  assert.match(await page.textContent('#shown'), /^Not live/);
  assert.ok((await page.textContent('#verdict')).includes(PAST.session.verdict.summary));
  const arrows = await page.$$eval('#sequence .item', (items) =>
    items.reduce((sum, item) => sum + Number(item.dataset.count), 0),
  );
  assert.ok(arrows > 0 && arrows <= PAST.events.length, `${arrows} events are drawn`);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'back', 'the keyboard is at the way back');
  await page.click('#back');
  await page.waitForSelector('#shown', { state: 'detached' });
  assert.deepEqual(await events(page), []);
  assert.deepEqual(complaints, []);
});

test('the running session is not disturbed by another one that is shown', { timeout }, async (t) => {
  const { page, daemon } = await openPage(t, {}, { before: remembers });
  await page.click('#start');
  await stage(page, 'playing');
  const own = await page.evaluate(() => window.icescope.session);
  await openFirst(page);
  const decoded = () =>
    page.evaluate(() => document.querySelector('#video').getVideoPlaybackQuality().totalVideoFrames);
  const before = await decoded();
  daemon.saw({ kind: 'while.elsewhere' }, daemon.session.id === own ? daemon.session : undefined);
  await page.waitForFunction(
    (frames) => document.querySelector('#video').getVideoPlaybackQuality().totalVideoFrames > frames + 5,
    before,
  );
  assert.equal((await events(page)).length, PAST.events.length, 'what comes for the own session is not mixed in');
  assert.match(await page.textContent('#shown'), /goes on meanwhile/);
  await page.click('#back');
  assert.equal(await page.evaluate(() => window.icescope.session), own);
  const kinds = (await events(page)).map(({ kind }) => kind);
  assert.ok(kinds.includes('media.first_frame'), 'it was recorded while another session was shown');
});

test('a session that goes on somewhere else is followed to its end', { timeout }, async (t) => {
  const { page, daemon } = await openPage(
    t,
    {},
    {
      before: (daemon) =>
        daemon.remember({ session: { ...PAST.session, closed: null, verdict: null }, events: PAST.events.slice(0, 5) }),
    },
  );
  await openFirst(page);
  assert.match(await page.textContent('#shown'), /as it goes on/);
  const session = daemon.session;
  daemon.sawAll(PAST.events.slice(5, 9), session);
  await page.waitForFunction(() => window.icescope.events().length === 9);
  Object.assign(session.summary, { closed: { code: 'deleted', reason: 'over' }, verdict: PAST.session.verdict });
  await page.waitForFunction(() => document.querySelector('#shown').textContent.startsWith('Not live'));
  await page.waitForSelector(`#verdict[data-outcome="${PAST.session.verdict.outcome}"]`);
});

test('a page elsewhere does not knock at closed doors; a token opens them, and is forgotten', {
  timeout,
}, async (t) => {
  const before = (daemon) => {
    daemon.isLocal = false;
    remembers(daemon);
  };
  const { page, daemon, complaints } = await openPage(t, {}, { before, origin: ELSEWHERE, probes: null });
  await page.locator('#sessions').scrollIntoViewIfNeeded();
  await page.waitForSelector('#sessions form');
  await page.click('#start');
  await stage(page, 'playing');
  await page.click('#start');
  await stage(page, 'idle');
  await page.locator('#sessions').scrollIntoViewIfNeeded();
  await list(page);
  const asked = daemon.requests.filter((request) => ['GET /api/sessions', 'GET /api/probes'].includes(request));
  assert.deepEqual(asked, []);
  assert.equal(await page.$$eval('#sessions tbody tr', (rows) => rows.length), 1, 'its own session is listed');
  assert.deepEqual(complaints, []);
  await page.fill('#sessions [name="token"]', 'wrong');
  await page.click('#sessions form button');
  await page.waitForSelector('#sessions .bad');
  await page.fill('#sessions [name="token"]', daemon.adminToken);
  await page.click('#sessions form button');
  await page.waitForSelector(`tr[data-session="${PAST.session.id}"]`);
  await openFirst(page);
  await page.click('.sessions-token button');
  await page.waitForSelector(`tr[data-session="${PAST.session.id}"]`, { state: 'detached' });
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('admin')), false);
});

test('a session that the daemon has forgotten is told so', { timeout }, async (t) => {
  const { page, daemon } = await openPage(t, {}, { before: remembers });
  await page.locator('#sessions').scrollIntoViewIfNeeded();
  await list(page);
  daemon.forget(PAST.session.id);
  await page.click(`#sessions tr[data-session="${PAST.session.id}"] button`);
  await page.waitForSelector('#open-problem');
  assert.match(await page.textContent('#open-problem'), /no longer there/);
});

test('the export has what is shown, as JSON and as text; with pseudonyms it is the daemon’s', {
  timeout,
}, async (t) => {
  const { page, daemon } = await openPage(t, {}, { before: remembers });
  await openFirst(page);
  await page.click('.export summary');
  const save = async (button) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
  };
  const json = await save('#export-json');
  assert.match(json.name, /^icescope-\d{4}-\d\d-\d\d-\d{6}-\w{8}\.json$/);
  assert.deepEqual(JSON.parse(json.text).events, PAST.events);
  const text = await save('#export-text');
  assert.match(text.name, /\.txt$/);
  assert.equal(text.text.split('\n').filter((line) => /^ *-?[\d.]+ /.test(line)).length, PAST.events.length);
  assert.ok(text.text.includes(PAST.session.verdict.summary));
  await page.check('#export-redacted');
  assert.match((await save('#export-json')).name, /-redacted\.json$/);
  daemon.forget(PAST.session.id);
  await page.click('#export-json');
  await page.waitForFunction(() => /could not be exported/.test(document.querySelector('#export-outcome').textContent));
  await page.uncheck('#export-redacted');
  const own = await save('#export-json');
  assert.deepEqual(JSON.parse(own.text).events, PAST.events, 'what the page has is still to be had');
});

test('an exported record is opened again, by button and by drop', { timeout }, async (t) => {
  const { page, complaints } = await openPage(t);
  const text = JSON.stringify({ ...PAST, redacted: true, later: 1 });
  await choose(page, 'mine.json', text);
  await shown(page, 'imported');
  assert.match(await page.textContent('#shown'), /mine\.json.*pseudonyms/);
  assert.equal((await events(page)).length, PAST.events.length);
  await page.click('.export summary');
  assert.ok(await page.isDisabled('#export-redacted'), 'pseudonyms are the daemon’s to make');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-json')]);
  assert.equal(JSON.parse(readFileSync(await download.path(), 'utf8')).later, 1, 'what is not known is kept');
  await page.click('#back');
  await page.evaluate((content) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([content], 'dropped.json'));
    for (const type of ['dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, text);
  await shown(page, 'imported');
  assert.match(await page.textContent('#shown'), /dropped\.json/);
  assert.deepEqual(complaints, []);
});

test('a wrong file is told what is wrong, and nothing else changes', { timeout }, async (t) => {
  const { page, complaints } = await openPage(t, {}, { before: remembers });
  await openFirst(page);
  const events = structuredClone(PAST.events);
  events[3].time = 'soon';
  for (const [name, text, words] of [
    ['cut.json', '{"session":', /not JSON/],
    ['other.json', '{"a": 1}', /neither/],
    ['wrong.json', JSON.stringify({ ...PAST, events }), /\/events\/3\/time/],
  ]) {
    await choose(page, name, text);
    await page.waitForFunction(
      (wanted) => document.querySelector('#import-problem')?.textContent.includes(wanted),
      name,
    );
    assert.match(await page.textContent('#import-problem'), words);
    assert.equal(await page.getAttribute('#shown', 'data-origin'), 'remembered');
  }
  assert.deepEqual(complaints, []);
});

test('of a dump of chrome://webrtc-internals one connection is chosen, and shown as one end only', {
  timeout,
}, async (t) => {
  const { page, complaints } = await openPage(t);
  await choose(page, 'webrtc_internals_dump.txt', readFileSync(record('webrtc_internals_dump.txt'), 'utf8'));
  await page.waitForSelector('.import-choice');
  assert.equal(await page.$$eval('.import-choice [data-connection]', (buttons) => buttons.length), 2);
  await page.click('[data-connection="8-2"]');
  await shown(page, 'imported');
  assert.match(await page.textContent('#shown'), /one end only/);
  const kinds = new Set((await events(page)).map(({ kind }) => kind));
  assert.ok(
    ['ice.candidate', 'pc.connection_state', 'stats'].every((kind) => kinds.has(kind)),
    [...kinds].join(' '),
  );
  assert.ok((await page.$$('#candidates [data-candidate]')).length >= 4, 'both ends’ candidates, as one end knew them');
  assert.deepEqual(complaints, []);
});

test('a link shows the session to who has it; its key goes to the daemon alone and is in no request’s address', {
  timeout,
}, async (t) => {
  const { page, daemon } = await openPage(t, {}, { before: remembers });
  await openFirst(page);
  await page.click('.export summary');
  await page.click('#share');
  const link = await page.inputValue('#share-link');
  assert.equal(link, `${ORIGIN}/#session=${PAST.session.id}&key=key-${PAST.session.id}`);
  const other = await page.context().newPage();
  daemon.isLocal = false;
  await daemon.install(other);
  const addresses = [];
  other.on('request', (request) => addresses.push(request.url()));
  await other.goto(link);
  await shown(other, 'remembered');
  assert.match(await other.textContent('#shown'), /by a link/);
  assert.equal((await events(other)).length, PAST.events.length);
  assert.ok(addresses.length > 3 && addresses.every((address) => !address.split('#')[0].includes('key-')));
  await other.click('#back');
  assert.equal(new URL(other.url()).hash, '', 'a reload shows the page itself');
  for (const [id, key, words] of [
    [PAST.session.id, 'wrong', /does not open/],
    ['forgotten', 'key-forgotten', /no longer there/],
  ]) {
    await other.evaluate((hash) => {
      location.hash = hash;
    }, `session=${id}&key=${key}`);
    await other.waitForFunction(
      (wanted) => new RegExp(wanted).test(document.querySelector('#open-problem')?.textContent),
      words.source,
    );
  }
});

test('a frame shows the views that it asks for and nothing else', { timeout }, async (t) => {
  const hash = `#session=${PAST.session.id}&key=key-${PAST.session.id}`;
  const path = `/?view=sequence,verdict&theme=dark${hash}`;
  const { page, complaints } = await openPage(t, {}, { before: remembers, path });
  await page.waitForSelector('#sequence .item');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  for (const selector of ['header', '#topology', '#timeline', '#sessions', '#video', '#start']) {
    assert.equal(await page.$(selector), null, selector);
  }
  assert.ok((await page.textContent('#verdict')).includes(PAST.session.verdict.summary));
  const [tall, frame] = await page.evaluate(() => [document.querySelector('main').offsetHeight, window.innerHeight]);
  assert.ok(tall >= frame, 'it fills its frame');
  assert.equal(
    await page.evaluate(() => localStorage.getItem('icescope-theme')),
    null,
    'the wish is the frame’s alone',
  );
  assert.deepEqual(complaints, []);
});

for (const view of ['video', 'topology']) {
  test(`a frame with the ${view} alone starts a session of its own`, { timeout }, async (t) => {
    const { page, complaints } = await openPage(t, {}, { path: `/?view=${view}` });
    await page.click('#start');
    await stage(page, 'playing');
    assert.equal(await page.$('#timeline'), null);
    if (view === 'video') assert.ok(await page.isVisible('#video'));
    assert.deepEqual(complaints, []);
  });
}

test('a frame that asks for a view that is not there is told which ones are', { timeout }, async (t) => {
  const { page } = await openPage(t, {}, { path: '/?view=moon' });
  assert.match(await page.textContent('main'), /no view «moon».*sequence/);
});

for (const colorScheme of ['light', 'dark']) {
  test(`no known accessibility fault, ${colorScheme}`, { timeout }, async (t) => {
    const { page } = await openPage(t, { colorScheme, bypassCSP: true }, { before: remembers });
    await openFirst(page);
    await page.click('.export summary');
    await page.click('#share');
    await page.waitForSelector('#share-link');
    await choose(page, 'webrtc_internals_dump.txt', readFileSync(record('webrtc_internals_dump.txt'), 'utf8'));
    await page.waitForSelector('.import-choice');
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    assert.deepEqual(found, []);
  });
}

test('a phone of 360 pixels needs no sideways scrolling', { timeout }, async (t) => {
  const { page } = await openPage(t, { viewport: { width: 360, height: 740 } }, { before: remembers });
  await openFirst(page);
  await page.click('.export summary');
  await page.click('#share');
  await page.waitForSelector('#share-link');
  const [wanted, there] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wanted <= there, `${wanted} pixels wide`);
});
