// How fast the page draws, in Chromium against the stand-in daemon of the page's own tests: long records, events that stream in,
// a long timeline that is scrolled.
import { readFileSync } from 'node:fs';
import { openPage } from '../../test/page/scene.mjs';
import { longSession } from '../../test/records/long.mjs';
import { median } from '../lib/until.mjs';

/** Bars of the product: a record of 2,000 events in so many milliseconds, and 50 frames a second, which is 20 ms for each. */
const RECORD_BAR = 300;
const FRAME_BAR = 20;
const STREAM_SECONDS = 5;
const PER_SECOND = 200;
/** Both the sequence and the timeline are in the window, as a frame of another page can have them. */
const BOTH = { viewport: { width: 1440, height: 1300 } };
const BOTH_VIEWS = { path: '/?view=sequence,timeline' };

const RELAY = readFileSync(new URL('../../test/records/relay.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

/** A record as the daemon exports it. */
function record(length) {
  const events = longSession(RELAY, length).map((event, sequence) => ({ ...event, sequence }));
  const session = {
    ...{ id: '0'.repeat(32), openedUnixMs: 1_764_000_000_000, state: 'closed', eventsDropped: 0, uplink: null },
    ...{ closed: { code: 'deleted', reason: 'the client ended the session (DELETE)' }, events: length, verdict: null },
  };
  return { format: 'icescope.session/1', session, events, reports: [], pairs: [] };
}

function file(length) {
  return { name: `${length}.json`, mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(record(length))) };
}

/** Opens the page, does `what` with it, and closes all. */
async function withPage(what, options, scene) {
  const ends = [];
  try {
    return await what(await openPage({ after: (end) => ends.push(end) }, options, scene));
  } finally {
    for (const end of ends) await end();
  }
}

/**
 * Runs in the page: the time from the moment in which the page has the file until the frame with its events is painted. The file
 * is read, checked, laid out and drawn in between.
 */
function watchOpening(events) {
  window.opened = new Promise((resolve) => {
    let begin;
    addEventListener('change', () => (begin = performance.now()), { capture: true, once: true });
    const look = () => {
      const told = document.querySelector('.timeline-card .count')?.textContent ?? '';
      const there = told.includes(`${events} events`) && document.querySelector('#sequence .item') !== null;
      if (!there) return requestAnimationFrame(look);
      // A message's turn comes when the frame that is drawn now has been handed over.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now() - begin);
      requestAnimationFrame(() => port2.postMessage(null));
    };
    look();
  });
}

async function opening(length) {
  return withPage(async ({ page }) => {
    await page.evaluate(watchOpening, length);
    await page.setInputFiles('#import-file', file(length));
    return page.evaluate(() => window.opened);
  });
}

/** Runs in the page: the gaps between frames until `window.over`. */
function watchFrames() {
  window.over = false;
  window.frames_ = new Promise((resolve) => {
    const gaps = [];
    let last;
    requestAnimationFrame(function next(now) {
      if (last !== undefined) gaps.push(now - last);
      last = now;
      if (window.over) resolve(gaps);
      else requestAnimationFrame(next);
    });
  });
}

function endFrames() {
  window.over = true;
  return window.frames_;
}

const mean = (gaps) => gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
const worst = (gaps) => Math.max(...gaps);
const told = (gaps) => `${(1000 / mean(gaps)).toFixed(0)} frames a second, longest ${worst(gaps).toFixed(0)} ms`;

/** A session with a video and 2,000 events, into which 200 come each second. */
async function streaming() {
  return withPage(
    async ({ page, daemon }) => {
      await page.click('#start');
      await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
      daemon.sawAll(longSession(RELAY, 2000));
      await page.waitForFunction(() => window.icescope.events().length >= 2000);
      let { time } = daemon.session.events.at(-1);
      await page.evaluate(watchFrames);
      const part = PER_SECOND / 10;
      for (let turn = 0; turn < STREAM_SECONDS * 10; turn += 1) {
        const next = performance.now() + 100;
        daemon.sawAll(
          Array.from({ length: part }, (_, index) => {
            time += 1_000_000 / PER_SECOND;
            return {
              ...RELAY[20],
              evidence: 'api',
              kind: 'ice.candidate',
              time,
              summary: `${turn}-${index}`,
              attributes: {},
            };
          }),
        );
        // The pace of what is measured.
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
      }
      const gaps = await page.evaluate(endFrames);
      const shown = await page.evaluate(() =>
        ['#sequence .frame', '#timeline .rows'].every((one) => {
          const { top, bottom } = document.querySelector(one).getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight;
        }),
      );
      if (!shown) throw new Error('the sequence and the timeline were not both in the window');
      return gaps;
    },
    BOTH,
    BOTH_VIEWS,
  );
}

/** The timeline of 10,000 events, scrolled three rows further with each frame for three seconds. */
async function scrolling() {
  return withPage(async ({ page }) => {
    await page.evaluate(watchOpening, 10_000);
    await page.setInputFiles('#import-file', file(10_000));
    await page.evaluate(() => window.opened);
    await page.evaluate(() => document.querySelector('#timeline').scrollIntoView());
    await page.evaluate(watchFrames);
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          const rows = document.querySelector('#timeline .rows');
          const end = performance.now() + 3000;
          rows.scrollTop = 0;
          requestAnimationFrame(function next() {
            rows.scrollTop += 90;
            if (performance.now() < end) requestAnimationFrame(next);
            else resolve();
          });
        }),
    );
    return page.evaluate(endFrames);
  });
}

export async function pictures(runs) {
  const few = Math.min(runs, 5);
  const openings = [];
  for (let run = 0; run < few; run += 1) openings.push(await opening(2000));
  const streams = await streaming();
  const scrolls = await scrolling();
  return [
    {
      ...{ figure: 'page: a record of 2,000 events, file to painted frame', value: median(openings), unit: 'ms' },
      ...{ bar: RECORD_BAR, note: `each: ${openings.map((one) => one.toFixed(0)).join(', ')}` },
    },
    {
      ...{ figure: `page: a frame while ${PER_SECOND} events a second come in`, value: mean(streams), unit: 'ms' },
      ...{ bar: FRAME_BAR, note: told(streams) },
    },
    {
      ...{ figure: 'page: a frame while 10,000 rows of the timeline are scrolled', value: mean(scrolls), unit: 'ms' },
      ...{ bar: FRAME_BAR, note: told(scrolls) },
    },
  ];
}
