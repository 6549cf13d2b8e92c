// The pictures of real sessions: direct, by a relay, and failed in three ways, in Chromium; the main flow in Firefox
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium, firefox } from './lib/browser.mjs';
import { certify } from './lib/certificates.mjs';
import { PORT } from './lib/config.mjs';
import { coturn, PORT as TURN_PORT } from './lib/coturn.mjs';
import { Daemon } from './lib/daemon.mjs';
import { blockUdp, browserAddress, daemonAddress, layNetwork } from './lib/network.mjs';
import { layoutShift, readFaults, readPairs, readSequence, readTopology, readVerdict } from './lib/pictures.mjs';
import { seeBars, sessionOf, start } from './lib/scene.mjs';

/** Two minutes are enough on a quiet machine; a build beside it takes its share. */
const timeout = 420_000;
layNetwork();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const top = join(dirname(fileURLToPath(import.meta.url)), '../..');
const artifacts = join(top, process.env.CARGO_TARGET_DIR ?? 'target', 'artifacts/views');
mkdirSync(artifacts, { recursive: true });

/** Every session is looked at like this; the last two only in one. */
const LOOKS = {
  light: { width: 1440, height: 900, colorScheme: 'light' },
  dark: { width: 1440, height: 900, colorScheme: 'dark' },
  phone: { width: 390, height: 844, colorScheme: 'light' },
};
const MORE_LOOKS = {
  small: { width: 360, height: 740, colorScheme: 'dark' },
  tablet: { width: 768, height: 1024, colorScheme: 'light' },
  wide: { width: 1920, height: 1080, colorScheme: 'light' },
  huge: { width: 2560, height: 1300, colorScheme: 'dark' },
};
/** More than this and what one reads has moved away (Core Web Vitals' bar of a good page). */
const STEADY = 0.1;

const isArrow = ({ from, to }) => from !== to;
const sum = (rows) => rows.reduce((total, { count }) => total + count, 0);

/** The page's session from end to end: what the daemon has recorded, beside what the page shows. */
async function recordOf(daemon, page) {
  return daemon.record(await sessionOf(page));
}

/** Every event of the record is in one arrow or mark, between its lanes, in its order. */
async function holdSequence(daemon, page) {
  await page.look(LOOKS.light);
  const shown = await page.until('all of the sequence is drawn', readSequence, readSequence.argument);
  const record = await recordOf(daemon, page);
  const recorded = new Map(record.events.map((event) => [event.sequence, event]));
  const { rows, events, lanes, told } = shown;
  const last = Math.max(...events.map(({ sequence }) => sequence));
  const wanted = record.events.filter(
    ({ sequence, kind }) => sequence <= last && !readSequence.argument.includes(kind),
  );
  assert.equal(
    sum(rows.filter(isArrow)),
    wanted.filter(isArrow).length,
    'the counts of the arrows are the record’s arrows',
  );
  assert.equal(sum(rows), wanted.length, 'and with the marks all of its events');
  assert.ok(told.startsWith(`${sum(rows.filter(isArrow))} arrows`), told);
  for (const { sequence, from, to, kind, evidence, ends } of rows) {
    const event = recorded.get(sequence);
    assert.deepEqual([from, to, kind, evidence], [event.from, event.to, event.kind, event.evidence]);
    if (ends === null) continue;
    // From its lane to the foot of its head, which ends at the other lane.
    assert.equal(ends[0], lanes[from], `${kind} begins at its lane`);
    assert.ok(Math.abs(ends[1] - lanes[to]) <= 9, `${kind} ends at its lane`);
  }
  const times = rows.map(({ sequence }) => recorded.get(sequence).time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
    'the rows are in order of time',
  );
  const heights = rows.map(({ y }) => y);
  assert.deepEqual(
    heights,
    heights.toSorted((a, b) => a - b),
    'and stand in that order',
  );
  await asFound(page);
  return { record, rows };
}

/** The sequence as a reader finds it, from its beginning: it was made small to be read as a whole. */
async function asFound(page) {
  await page.evaluate(() => document.querySelector('#sequence-axis').dispatchEvent(new Event('change')));
  await page.look(LOOKS.light);
  await page.evaluate(() => document.querySelector('#sequence .frame').scrollTo(0, 0));
}

/** The boxes from the browser to the daemon, with the addresses that the record has. */
async function holdTopology(page, record) {
  const { boxes, servers, tracks } = await page.evaluate(readTopology);
  const names = boxes.map(({ box }) => box);
  assert.deepEqual([names[0], names.at(-1)], ['browser', 'daemon']);
  assert.ok(names.includes('internet'));
  const daemon = boxes.at(-1).words;
  assert.ok(daemon.includes(daemonAddress), `the daemon’s own address is in its box: ${daemon}`);
  // The browser keeps its own to itself (mDNS); where the daemon has seen it, the box says it.
  for (const { stations } of tracks)
    assert.deepEqual(
      stations.map(({ box }) => box),
      names,
    );
  const asked = record.events.filter(({ to, from }) => [to, from].some((lane) => lane === 'stun' || lane === 'turn'));
  assert.equal(servers.length > 0, asked.length > 0, 'servers are drawn exactly where some were asked');
  return { boxes, servers, tracks };
}

/** The counters of the matrix are those of the record: the daemon’s of its packets, the browser’s of its getStats. */
async function holdPairs(page) {
  const read = () => page.evaluate(readPairs);
  const { cells, candidates, way } = await read();
  const events = await page.evaluate(() => window.icescope.events());
  const checks = events.filter(
    ({ seenBy, kind, from, to }) =>
      seenBy === 'daemon' && kind === 'stun.binding.request' && from === 'peer' && to === 'web',
  );
  const shown = cells.filter(({ daemon }) => daemon !== null);
  const counted = shown.reduce((total, { daemon }) => total + daemon.sent, 0);
  const again = (await read()).cells;
  const settled = JSON.stringify(again) === JSON.stringify(cells);
  if (settled) assert.equal(counted, checks.length, `the daemon’s checks: ${JSON.stringify(shown)}`);
  return { cells, candidates, way };
}

/**
 * The verdict’s sentence is the API’s, and comes to `wanted`: a failure is said when the daemon has given up (RFC 8863), a path
 * when both ends have told theirs.
 */
async function holdVerdict(daemon, page, wanted) {
  const question = async () => {
    const shown = await page.evaluate(readVerdict);
    const { verdict } = (await recordOf(daemon, page)).session;
    const agrees = shown.outcome === verdict?.outcome && shown.summary === verdict.summary;
    if (!agrees || !isLike(verdict, wanted)) {
      throw new Error(`shown ${JSON.stringify(shown)}; the API: ${JSON.stringify(verdict)}`);
    }
    assert.ok(verdict.advice === '' || shown.words.includes(verdict.advice));
    return verdict;
  };
  return page.untilHere(`the verdict is ${JSON.stringify(wanted)}, and the API’s`, question, {
    seconds: 60,
    every: 200,
  });
}

function isLike(actual, wanted) {
  if (typeof wanted !== 'object') return actual === wanted;
  return Object.entries(wanted).every(([name, value]) => actual !== null && isLike(actual[name], value));
}

/** Waits for the one way that both ends send over: for a moment each may have its own. */
async function oneWay(page) {
  const ways = () => {
    const tracks = document.querySelectorAll('.topology-track[data-role="selected"]');
    return tracks.length === 1 && document.querySelectorAll('.pairs-cell[data-state="selected"]').length === 1;
  };
  await page.until('one way is selected', ways);
}

/** Pictures in all looks; nothing overlaps, nothing is too wide, and axe finds nothing. */
async function holdLooks(page, name, looks) {
  await page.evaluate(AXE);
  for (const [look, how] of Object.entries(looks)) {
    await page.look(how);
    await page.screenshot(join(artifacts, `${name}-${look}.png`));
    assert.deepEqual(await page.evaluate(readFaults), [], `${name}, ${look}`);
    const found = await page.evaluate(async () => {
      const { violations } = await window.axe.run(document);
      return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html)}`);
    });
    assert.deepEqual(found, [], `axe, ${name}, ${look}`);
  }
}

const isOver = () => ['failed', 'closed'].includes(document.querySelector('#state').dataset.state);

/** A daemon and a browser for several pages; they end with the test. */
async function _world(t, wishes = {}, launch = chromium, args = []) {
  const daemon = await Daemon.start(wishes);
  t.after(() => daemon.stop());
  const browser = await launch(args);
  t.after(() => browser.close());
  t.diagnostic(`pictures: ${artifacts}`);
  return { daemon, browser };
}

test('what both ends saw is what is drawn', { concurrency: true, timeout }, async (t) => {
  // The standard port is coturn’s, for the test of a refusal.
  const daemon = await Daemon.start({
    probes: ['probe-nat', 'probe-stun', 'probe-turn'],
    relay: { listen: `${daemonAddress}:${TURN_PORT + 1}` },
  });
  t.after(() => daemon.stop());
  const browser = await chromium();
  t.after(() => browser.close());
  t.diagnostic(`pictures: ${artifacts}`);
  // What fails takes its time (RFC 8863): it does so while the rest is looked at.
  await Promise.all([
    t.test('TURN refuses the credentials (401), and only a relay may be used', { timeout }, refused),
    t.test('one after the other', { timeout }, async (t) => {
      await t.test('direct: idle, then playing; the page is walked by keyboard', (t) => direct(t, daemon, browser));
      await t.test('by the daemon’s relay', () => relayed(daemon, browser));
      await t.test('UDP blocked', { concurrency: true }, async (t) => {
        t.after(blockUdp());
        await Promise.all([
          t.test('TURN over TCP rescues it', () => rescued(daemon, browser)),
          t.test('without any server there is no path', (t) => lost(t, daemon)),
        ]);
      });
    }),
  ]);
});

async function direct(t, daemon, browser) {
  const page = await browser.open(daemon.origin);
  await holdLooks(page, 'idle', LOOKS);
  await page.look(LOOKS.light);
  await daemon.explained(start(page));
  await seeBars(page);
  const shift = await page.evaluate(layoutShift);
  t.diagnostic(`layout shift while a session started: ${shift.sum.toFixed(4)}`);
  assert.ok(shift.sum < STEADY, `what was seen moved by itself: ${shift.sum}: ${shift.moved.join('; ')}`);
  await page.until('the video is in the window', () => {
    const { top, bottom } = document.querySelector('#video').getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });

  await holdVerdict(daemon, page, { outcome: 'connected', path: { kind: 'direct' } });
  await oneWay(page);
  const { record } = await holdSequence(daemon, page);
  const { tracks } = await holdTopology(page, record);
  const selected = tracks.filter(({ role }) => role === 'selected');
  assert.equal(selected.length, 1, JSON.stringify(tracks));
  const [between] = selected[0].stations.filter(({ box }) => box === 'internet');
  assert.equal(between.via, 'past', 'no server is on its way');
  const { cells, way } = await holdPairs(page);
  assert.match(way, /^direct/);
  assert.equal(cells.filter(({ state }) => state === 'selected').length, 1);
  await holdLooks(page, 'direct', { ...LOOKS, ...MORE_LOOKS });
  await walk(page);
  assert.deepEqual(page.errors, [], 'the page’s console');
  await page.close();
}

async function relayed(daemon, browser) {
  const page = await browser.open(daemon.origin, { iceTransportPolicy: 'relay', transport: 'udp' });
  await daemon.explained(start(page));
  await seeBars(page);
  await holdVerdict(daemon, page, { outcome: 'connected', path: { kind: 'relayed' } });
  await oneWay(page);
  const { record } = await holdSequence(daemon, page);
  const { servers, tracks } = await holdTopology(page, record);
  const [relay] = servers.filter(({ words }) => words.includes('TURN, browser: answered'));
  assert.ok(relay?.words.includes('relays'), JSON.stringify(servers));
  const [selected] = tracks.filter(({ role }) => role === 'selected');
  assert.equal(selected.stations.find(({ box }) => box === 'internet').via, 'through');
  const { cells, candidates, way } = await holdPairs(page);
  assert.match(way, /TURN relay/);
  const [cell] = cells.filter(({ state }) => state === 'selected');
  assert.equal(candidates.find(({ candidate }) => candidate === cell.local).type, 'relay');
  await holdLooks(page, 'relay', LOOKS);
  await page.close();
}

async function rescued(daemon, browser) {
  const page = await browser.open(daemon.origin);
  await daemon.explained(start(page));
  await seeBars(page);
  await holdVerdict(daemon, page, { outcome: 'connected', path: { kind: 'relayed', relayProtocol: 'tcp' } });
  await oneWay(page);
  const { record } = await holdSequence(daemon, page);
  const { tracks } = await holdTopology(page, record);
  assert.ok(
    tracks.some(({ role }) => role === 'trying' || role === 'failed'),
    'the ways that are closed are drawn, too',
  );
  const { cells, candidates } = await holdPairs(page);
  const [cell] = cells.filter(({ state }) => state === 'selected');
  assert.equal(candidates.find(({ candidate }) => candidate === cell.local).type, 'relay');
  await holdLooks(page, 'udp-blocked', LOOKS);
  await page.close();
}

/** As it is where no server is configured. */
async function lost(t, daemon) {
  // With its address told, so that the daemon asks it, too, and in vain.
  const browser = await chromium(['--disable-features=WebRtcHideLocalIpsWithMdns']);
  t.after(() => browser.close());
  const page = await browser.open(daemon.origin, { iceServers: [] });
  await page.click('#start');
  await page.until('the connection failed', isOver, undefined, { seconds: 90 });
  const verdict = await holdVerdict(daemon, page, { outcome: 'failed' });
  t.diagnostic(`no path: ${verdict.cause}: ${verdict.summary}`);
  assert.notEqual(verdict.cause, null);
  const { record, rows } = await holdSequence(daemon, page);
  assert.ok(
    rows.some(({ outcome }) => outcome === 'unanswered'),
    'requests without an answer are drawn as such',
  );
  const { boxes, tracks } = await holdTopology(page, record);
  assert.ok(boxes[0].words.includes(browserAddress), 'the browser’s address is in its box');
  assert.ok(tracks.length > 0 && tracks.every(({ role }) => role !== 'selected'), JSON.stringify(tracks));
  const { cells } = await holdPairs(page);
  assert.ok(
    cells.every(({ state }) => state !== 'selected' && state !== 'answered'),
    JSON.stringify(cells),
  );
  await showsWhy(page, verdict);
  await holdLooks(page, 'no-path', LOOKS);
}

async function refused(t) {
  const folder = mkdtempSync(join(tmpdir(), 'icescope-views-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await coturn(t, { secret: 'the server’s own secret', ...certify(folder, daemonAddress) });
  // Over TCP, for UDP is blocked while it runs.
  const servers = [{ urls: `turn:${daemonAddress}:${TURN_PORT}?transport=tcp`, 'secret-file': './turn.secret' }];
  const files = { 'turn.secret': 'another secret' };
  const relay = { listen: `${daemonAddress}:${TURN_PORT + 2}` };
  const daemon = await Daemon.start({ port: PORT + 1, ice: { browser: { servers } }, relay, files });
  t.after(() => daemon.stop());
  const browser = await chromium();
  t.after(() => browser.close());
  const page = await browser.open(daemon.origin, { iceTransportPolicy: 'relay' });
  await page.click('#start');
  await daemon.explained(page.until('the connection is given up', isOver, undefined, { seconds: 90 }));
  const verdict = await holdVerdict(daemon, page, { outcome: 'failed' });
  t.diagnostic(`TURN 401: ${verdict.cause}: ${verdict.summary}`);
  assert.equal(verdict.stage, 'servers');
  const { record } = await holdSequence(daemon, page);
  assert.ok(record.events.some(({ kind }) => kind === 'ice.candidate_error'));
  const { servers: shown, tracks } = await holdTopology(page, record);
  assert.ok(
    shown.some(({ words }) => /TURN, browser: failed .*401/.test(words)),
    JSON.stringify(shown),
  );
  assert.deepEqual(
    tracks.filter(({ role }) => role === 'selected'),
    [],
  );
  const { cells } = await holdPairs(page);
  assert.deepEqual(cells, [], 'the browser has no candidate, so there is no pair');
  await holdLooks(page, 'turn-401', LOOKS);
}

test('Firefox: the main flow', { timeout }, async (t) => {
  const daemon = await Daemon.start({});
  t.after(() => daemon.stop());
  const browser = await firefox();
  t.after(() => browser.close());
  const page = await browser.open(daemon.origin);
  await page.look(LOOKS.light);
  await daemon.explained(start(page));
  await holdVerdict(daemon, page, { outcome: 'connected', path: { kind: 'direct' } });
  await oneWay(page);
  const { record } = await holdSequence(daemon, page);
  await holdTopology(page, record);
  const { way } = await holdPairs(page);
  assert.match(way, /^direct/);
  const { light, phone } = LOOKS;
  await holdLooks(page, 'firefox', { light, phone });
});

/** «Show me why» marks the events that the verdict cites, and shows the first. */
async function showsWhy(page, { evidence }) {
  assert.ok(evidence.length > 0, 'the verdict cites events');
  await page.look(LOOKS.light);
  await page.click('#why');
  await page.until(
    'the first cited event is marked and seen',
    (first) => {
      const row = document.querySelector(`#timeline [data-sequence="${first}"][data-cited]`);
      if (row === null) return false;
      const { top, bottom } = row.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight && document.querySelector('#details') !== null;
    },
    evidence[0],
  );
}

/** Tab reaches every view from the top of the page on, and always shows where one is. */
async function walk(page) {
  await page.look(LOOKS.light);
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  const reached = [];
  for (let step = 0; step < 120; step += 1) {
    await page.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return null;
      const style = getComputedStyle(element);
      const isShown = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0;
      const view = element.closest('header, #verdict, #sequence, #topology, #candidates, .timeline-card');
      return { isShown, view: view?.id || view?.className || view?.tagName, what: element.outerHTML.slice(0, 100) };
    });
    if (at === null) break;
    assert.ok(at.isShown, `the focus is seen on ${at.what}`);
    reached.push(at);
  }
  const views = new Set(reached.map(({ view }) => view));
  for (const view of ['HEADER', 'verdict', 'sequence', 'topology', 'candidates', 'card timeline-card']) {
    assert.ok(views.has(view), `${view} is reached by Tab; reached: ${[...views]}`);
  }
}
