// `new RTCPeerConnection` → first frame, in Chromium: our own page against a minimal aiortc server, in turn.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '../lib/browser.mjs';
import { ORIGIN } from '../lib/config.mjs';
import { Daemon, python } from '../lib/daemon.mjs';
import { daemonAddress, onDaemonHost } from '../lib/network.mjs';
import { Program } from '../lib/process.mjs';
import { median, until } from '../lib/until.mjs';

/** The bar of the product: this part of aiortc's median. */
const RATIO = 0.9;
const WARM_UP = 3;
const AIORTC = `http://${daemonAddress}:8086`;
const server = join(dirname(fileURLToPath(import.meta.url)), '../../../daemon/xtask/bench/aiortc_server.py');

/** Runs in the page before anything else: the first frame that the compositor is handed, however the page gets there. */
function watchFirstFrame() {
  window.firstFrame = new Promise((resolve) => {
    const begin = () => {
      const video = document.querySelector('video');
      if (video === null) return false;
      video.requestVideoFrameCallback(() => resolve(performance.now()));
      return true;
    };
    if (!begin()) {
      const observer = new MutationObserver(() => begin() && observer.disconnect());
      observer.observe(document, { subtree: true, childList: true });
    }
  });
}

/** One fresh page; milliseconds from the connection's constructor to its first frame. */
async function once(browser, origin) {
  const page = await browser.open(origin);
  await page.evaluate(watchFirstFrame);
  await page.click('#start');
  await page.until('the page has a connection', () => window.e2e.connections.length > 0);
  const took = await page.until('there is a first frame', async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 5000, null));
    const at = await Promise.race([window.firstFrame, late]);
    return at === null ? 0 : at - window.e2e.created[0];
  });
  await page.close();
  return took;
}

async function startAiortc() {
  const program = new Program(onDaemonHost([python, server, daemonAddress, '8086']));
  await until('aiortc’s server serves', async () => {
    if (!program.running) throw new Error(program.output);
    return (await fetch(AIORTC)).ok;
  });
  return program;
}

/** One of each is watched all the time, so that both sources are warm. */
async function keepWatching(browser, origin) {
  const page = await browser.open(origin);
  await page.click('#start');
  await page.until('it plays', () => document.querySelector('video').videoWidth > 0);
}

export async function firstFrame(runs) {
  const limits = { 'new-sessions-burst': 1000, 'new-sessions-per-second': 1000 };
  const daemon = await Daemon.start({ limits, bars: {} });
  const aiortc = await startAiortc();
  const [keeper, browser] = [await chromium(), await chromium()];
  const ours = [];
  const theirs = [];
  try {
    await daemon.explained(keepWatching(keeper, ORIGIN));
    await keepWatching(keeper, AIORTC);
    for (let run = -WARM_UP; run < runs; run += 1) {
      const [a, b] = [await daemon.explained(once(browser, ORIGIN)), await once(browser, AIORTC)];
      if (run >= 0) {
        ours.push(a);
        theirs.push(b);
      }
    }
  } finally {
    await Promise.all([browser.close(), keeper.close(), daemon.stop(), aiortc.stop()]);
  }
  const row = (figure, values) => ({ figure, value: median(values), unit: 'ms', note: range(values) });
  return [
    row('first frame, icescope', ours),
    row('first frame, aiortc', theirs),
    { figure: 'first frame, icescope / aiortc', value: median(ours) / median(theirs), unit: '', bar: RATIO },
  ];
}

function range(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `(${values.length} runs, ${least.toFixed(0)} to ${most.toFixed(0)})`;
}
