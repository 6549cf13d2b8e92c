// Makes pictures of past sessions, files, links and frames, for a look by eye: node test/page/shots-sessions.mjs FOLDER
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPage } from './scene.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node test/page/shots-sessions.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const read = (name) => readFileSync(new URL(`../records/${name}`, import.meta.url), 'utf8');
const old = JSON.parse(read('old-export.json'));
const path = {
  kind: 'direct',
  localCandidateType: 'host',
  remoteCandidateType: 'srflx',
  protocol: 'udp',
  family: 'ipv4',
};
const good = { ...old.session.verdict, outcome: 'connected', cause: null, path, summary: 'It plays.', findings: [] };

/** What the daemon remembers: one that failed, some that did not, one under way. */
function before(daemon) {
  const closed = { code: 'deleted', reason: 'the client ended the session (DELETE)' };
  daemon.remember({ ...old, session: { ...old.session, closed, ended: 41_200_000 } });
  for (const [index, ended] of [3_400_000, 95_000_000, 7_500_000_000, null].entries()) {
    const id = `${index}`.repeat(32);
    const openedUnixMs = old.session.openedUnixMs + (index + 1) * 3_700_000;
    const state = { closed: ended === null ? null : closed, ended, verdict: ended === null ? null : good };
    daemon.remember({ session: { ...old.session, ...state, id, openedUnixMs }, events: old.events });
  }
}

const ends = [];
const t = { after: (end) => ends.push(end) };
const looks = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
];
for (const [name, options] of looks) {
  const shot = (page, what, more = {}) => page.screenshot({ path: join(folder, `${what}-${name}.png`), ...more });
  const { page } = await openPage(t, options, { before });
  await page.locator('#sessions').scrollIntoViewIfNeeded();
  await page.click(`tr[data-session="${old.session.id}"] button`);
  await page.waitForSelector('#shown');
  await page.waitForSelector('#sequence .item');
  await page.click('.export summary');
  await page.click('#share');
  await page.waitForSelector('#share-link');
  await shot(page, 'past', { fullPage: true });
  await page.setInputFiles('#import-file', {
    name: 'wrong.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"a":1}'),
  });
  await page.waitForSelector('#import-problem');
  await page.locator('#sessions').screenshot({ path: join(folder, `problem-${name}.png`) });
  const dump = {
    name: 'webrtc_internals_dump.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from(read('webrtc_internals_dump.txt')),
  };
  await page.setInputFiles('#import-file', dump);
  await page.waitForSelector('.import-choice');
  await page.locator('#sessions').screenshot({ path: join(folder, `choice-${name}.png`) });
  await page.click('[data-connection="8-2"]');
  await page.waitForSelector('#shown[data-origin="imported"]');
  await page.evaluate(() => window.scrollTo(0, 0));
  await shot(page, 'internals', { fullPage: true });
  const elsewhere = await openPage(t, options, {
    before: (daemon) => Object.assign(daemon, { isLocal: false }),
    origin: 'http://robot.example:8085',
  });
  await elsewhere.page.locator('#sessions').scrollIntoViewIfNeeded();
  await elsewhere.page.waitForSelector('#sessions form');
  await elsewhere.page.locator('#sessions').screenshot({ path: join(folder, `door-${name}.png`) });
  for (const views of ['sequence', 'topology,verdict', 'video']) {
    const hash = views === 'video' ? '' : `#session=${old.session.id}&key=key-${old.session.id}`;
    const frame = await openPage(t, options, { before, path: `/?view=${views}${hash}` });
    if (hash !== '') await frame.page.waitForSelector('#sequence .item, #verdict[data-outcome="failed"]');
    await shot(frame.page, `frame-${views.replace(',', '-')}`);
  }
  for (const end of ends.splice(0)) await end();
}
