// One daemon, one browser, one page: what most tests begin with.
import { chromium } from './browser.mjs';
import { ORIGIN } from './config.mjs';
import { Daemon } from './daemon.mjs';
import { receiving } from './hook.mjs';
import { bars, wrongBars } from './pixels.mjs';

/**
 * Starts the daemon and a browser with its page; both end with the test `t`.
 * @param {import('node:test').TestContext} t
 */
export async function scene(t, { launch = chromium, ...wishes } = {}) {
  const daemon = await Daemon.start(wishes);
  const started = [() => daemon.stop()];
  t.after(async () => {
    // The page first: a page whose daemon went away complains.
    for (const stop of started.reverse()) await stop();
  });
  const browser = await launch();
  started.push(() => browser.close());
  const page = await browser.open(ORIGIN);
  started.push(() => {
    // What the page complained of explains a failure; a test that passed does not mind.
    if (page.errors.length > 0) t.diagnostic(`the page's console: ${page.errors.slice(0, 5).join(' | ')}`);
  });
  return { daemon, browser, page, explained: (promise) => daemon.explained(promise) };
}

/** Presses Start and waits until frames are decoded; answers what is received. */
export async function start(page) {
  await page.click('#start');
  await page.until('the page has a connection', () => window.e2e.connections.length > 0);
  const playing = async () => {
    const seen = await page.evaluate(receiving);
    return seen !== null && seen.framesDecoded > 2 && seen;
  };
  await page.until('frames are decoded', () => document.querySelector('#video').videoWidth > 0);
  return page.untilHere('frames are decoded', playing);
}

/** Waits until the seven bars have their colours. */
export async function seeBars(page) {
  let sample;
  try {
    await page.untilHere('the seven bars are there', async () => {
      sample = await bars(page);
      return sample !== null && wrongBars(sample).length === 0;
    });
  } catch (error) {
    error.message += `\n${sample === null ? 'no picture' : wrongBars(sample).join('\n')}`;
    throw error;
  }
  return sample;
}

/** The page's session: id and token. */
export function sessionOf(page) {
  return page.evaluate(() => window.e2e.session);
}
