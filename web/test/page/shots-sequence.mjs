// Makes pictures of the sequence diagram, for a look by eye: node test/page/shots-sequence.mjs FOLDER
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { longSession } from '../records/long.mjs';
import { openPage } from './scene.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node test/page/shots-sequence.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const read = (name) =>
  readFileSync(new URL(`../records/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const relay = read('relay');

/** The recorded session as it would have been, had nothing come back from the browser's address. */
function unanswered() {
  const until = relay.findIndex((event) => event.kind.startsWith('dtls.'));
  const begin = relay.slice(0, until).filter(({ from, evidence }) => !(from === 'web' && evidence === 'packet'));
  const check = begin.find(({ kind, to }) => kind === 'stun.binding.request' && to === 'web');
  let { time } = begin.at(-1);
  const rest = Array.from({ length: 40 }, (_, index) => {
    time += index % 4 === 3 ? 500_000 : 20_000;
    const transactionId = `check${index >> 1}`;
    const remoteAddress = `192.0.2.${index % 2 === 0 ? 77 : 88}:5000`;
    return {
      ...check,
      time,
      attributes: { ...check.attributes, transactionId: transactionId + (index % 2), remoteAddress },
    };
  });
  const failed = { from: 'web', to: 'web', kind: 'ice.connection_state', evidence: 'api', seenBy: 'browser' };
  const end = {
    ...check,
    ...failed,
    time: time + 900_000,
    level: 'error',
    summary: 'ICE connection failed',
    attributes: {},
  };
  return [...begin, ...rest, end];
}

const looks = [
  ['light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['wide-dark', { viewport: { width: 2560, height: 1300 }, colorScheme: 'dark' }],
  ['dark', { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 740 }, colorScheme: 'light', deviceScaleFactor: 2 }],
];
const sessions = [
  ['20', read('direct').slice(0, 20)],
  ['relay', relay],
  ['unanswered', unanswered()],
  ['2000', longSession(relay, 2000)],
];

for (const [look, options] of looks) {
  for (const [name, events] of sessions) {
    const ends = [];
    const { page, daemon } = await openPage({ after: (end) => ends.push(end) }, options);
    daemon.refuse = { status: 400, json: { code: 'no', message: 'only the record is looked at here' } };
    await page.click('#start');
    await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'failed');
    daemon.sawAll(events);
    const { sequence } = daemon.session.events.at(-1);
    await page.waitForFunction((last) => window.icescope.events().some((event) => event.sequence === last), sequence);
    await page.waitForSelector('#sequence .phases, #sequence .item', { state: 'attached' });
    // The pictures are for eyes: what the frames do not wait for needs no waiting.
    const shot = async (what) => {
      await page.evaluate(() => new Promise((done) => requestIdleCallback(() => requestAnimationFrame(done))));
      await page.locator('#sequence').screenshot({ path: join(folder, `${look}-${name}-${what}.png`) });
    };
    await shot('begin');
    await page.focus('#sequence .frame');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await shot('end');
    await page.click('#sequence .zoom button:last-child');
    await shot('all');
    await page.selectOption('#sequence-axis', 'linear');
    await shot('linear');
    await page.click('#sequence .views button:last-child');
    await shot('table');
    for (const end of ends) await end();
  }
  console.log(look);
}
