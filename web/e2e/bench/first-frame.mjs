// `new RTCPeerConnection` → first frame, in Chromium: our daemon against a minimal aiortc server, in turn. Once with the same bare
// client for both, which compares the servers; once with each server's own page, which for ours is the whole of it.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '../lib/browser.mjs';
import { ORIGIN } from '../lib/config.mjs';
import { Daemon, python } from '../lib/daemon.mjs';
import { daemonAddress, onDaemonHost } from '../lib/network.mjs';
import { Program } from '../lib/process.mjs';
import { median, until } from '../lib/until.mjs';
import { bareClient } from './bare-client.mjs';

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

/** One fresh document with nothing in it but the bare client. */
async function bare(browser, origin, path, protocol) {
  const page = await browser.open(origin + path);
  const took = await page.evaluate(bareClient, protocol);
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
  const took = { bare: [], bareAiortc: [], page: [], pageAiortc: [] };
  try {
    await daemon.explained(keepWatching(keeper, ORIGIN));
    await keepWatching(keeper, AIORTC);
    for (let run = -WARM_UP; run < runs; run += 1) {
      const one = {
        bare: await daemon.explained(bare(browser, ORIGIN, '/api/health', 'whep')),
        bareAiortc: await bare(browser, AIORTC, '/', 'offer'),
        page: await daemon.explained(once(browser, ORIGIN)),
        pageAiortc: await once(browser, AIORTC),
      };
      if (run >= 0) for (const [name, value] of Object.entries(one)) took[name].push(value);
    }
  } finally {
    await Promise.all([browser.close(), keeper.close(), daemon.stop(), aiortc.stop()]);
  }
  const row = (figure, values) => ({ figure, value: median(values), unit: 'ms', note: range(values) });
  const ratio = (figure, ours, theirs) => ({ figure, value: median(ours) / median(theirs), unit: '' });
  return [
    row('first frame, bare client, icescope', took.bare),
    row('first frame, bare client, aiortc', took.bareAiortc),
    { ...ratio('first frame, icescope / aiortc', took.bare, took.bareAiortc), bar: RATIO },
    row('first frame, own page, icescope', took.page),
    row('first frame, own page, aiortc demo', took.pageAiortc),
    { ...ratio('first frame, own page, icescope / aiortc', took.page, took.pageAiortc), bar: RATIO },
  ];
}

function range(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `(${values.length} runs, ${least.toFixed(0)} to ${most.toFixed(0)})`;
}
