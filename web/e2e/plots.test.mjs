// The plots and the facts over the picture, through the real daemon: equal to getStats; the latency against a picture that tells its time
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { ageOfBall, BALL } from './lib/ball.mjs';
import { firefox } from './lib/browser.mjs';
import { layNetwork } from './lib/network.mjs';
import { scene, start } from './lib/scene.mjs';
import { median } from './lib/until.mjs';

const timeout = 120_000;
layNetwork();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Runs in the page: keeps what getStats answers whomever. */
function keepReports() {
  const { prototype } = Object.getPrototypeOf(window.RTCPeerConnection);
  const { getStats } = prototype;
  window.reports = [];
  prototype.getStats = async function keeping(...words) {
    const report = await getStats.apply(this, words);
    window.reports.push([...report.values()].map((entry) => ({ ...entry })));
    return report;
  };
}

/** Runs in the page: what stands beside the plots, and what follows from the two reports that it is of. */
function compare() {
  const of = (entries) => entries.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  const recorded = window.icescope
    .events()
    .filter(({ kind, attributes }) => kind === 'stats' && attributes['inbound-rtp'])
    .map(({ attributes }) => attributes['inbound-rtp'][0]);
  const kept = window.reports.map(of).filter((inbound) => inbound !== undefined);
  const now = recorded.at(-1);
  const then = recorded.findLast(({ timestamp }) => timestamp <= now.timestamp - 500);
  const own = kept.find(({ timestamp }) => timestamp === now.timestamp);
  if (then === undefined || own === undefined || kept.length < 5) return null;
  const words = (figure) => document.querySelector(`#plots .plot-value[data-figure="${figure}"]`)?.textContent;
  const seconds = (now.timestamp - then.timestamp) / 1000;
  return {
    shown: {
      bitRate: words('bitRate'),
      framesPerSecond: words('framesPerSecond'),
      jitter: words('jitter'),
      packetLoss: words('packetLoss'),
      roundTripTime: words('roundTripTime'),
    },
    meant: {
      bitRate: ((now.bytesReceived - then.bytesReceived) * 8) / seconds,
      framesPerSecond: (now.framesDecoded - then.framesDecoded) / seconds,
      jitter: now.jitter * 1000,
      packetLoss: now.packetsLost - then.packetsLost,
    },
    asTold: ['bytesReceived', 'framesDecoded', 'jitter', 'packetsLost'].every((name) => own[name] === now[name]),
  };
}

/** A value in words as a number: `1.20 Mbit/s`, `820 kbit/s`, `3.1 ms`. */
function numberOf(words) {
  const value = Number.parseFloat(words);
  return /Mbit/.test(words) ? value * 1e6 : /kbit/.test(words) ? value * 1e3 : value;
}

function near(shown, { bitRate, framesPerSecond, jitter }) {
  const [bits, frames, uneven] = [shown.bitRate, shown.framesPerSecond, shown.jitter].map(numberOf);
  return (
    Math.abs(bits - bitRate) <= Math.max(5000, bitRate * 0.005) &&
    Math.abs(frames - framesPerSecond) <= 0.5 &&
    Math.abs(uneven - jitter) <= Math.max(0.005, jitter * 0.01)
  );
}

/** The latency that the page shows and how far it may be off, in milliseconds. */
function shownLatency() {
  const fact = document.querySelector('[data-fact="latency"]');
  if (fact === null) return null;
  const { value, uncertainty } = fact.dataset;
  return {
    words: fact.textContent,
    why: fact.title,
    value: Number(value) / 1000,
    uncertainty: Number(uncertainty) / 1000,
  };
}

/** Runs in the page: the share of a plot's pixels that are drawn. */
function drawn() {
  return [...document.querySelectorAll('#plots .plot canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length / (data.length / 4);
  });
}

test('the plots show what getStats says, the latency has its uncertainty, and nothing is blocked', {
  timeout,
}, async (t) => {
  const { page, explained } = await scene(t);
  await page.evaluate(keepReports);
  await explained(start(page));
  let last;
  await explained(
    page.untilHere(
      'the figures are those of getStats',
      async () => {
        last = await page.evaluate(compare);
        return last?.asTold && near(last.shown, last.meant);
      },
      { seconds: 30 },
    ),
  );
  t.diagnostic(`shown ${JSON.stringify(last.shown)}, from getStats ${JSON.stringify(last.meant)}`);
  assert.ok(last.meant.framesPerSecond > 5 && last.meant.bitRate > 10_000, 'there is something to show');
  assert.match(last.shown.roundTripTime, /^[\d.]+ ms$/);
  if (last.meant.packetLoss <= 0) assert.equal(last.shown.packetLoss, '0 %');

  const latency = await explained(
    page.untilHere('a latency', async () => {
      const found = await page.evaluate(shownLatency);
      return found !== null && Number.isFinite(found.value) && found;
    }),
  );
  t.diagnostic(latency.words);
  assert.match(latency.words, /latency [\d.]+ ms ± [\d.]+/);
  assert.ok(latency.value > 0 && latency.value < 10_000, JSON.stringify(latency));
  assert.ok(latency.uncertainty > 0 && latency.uncertainty < 100, JSON.stringify(latency));

  const shares = await explained(
    page.untilHere('six plots are drawn', async () => {
      const found = await page.evaluate(drawn);
      return found.length === 6 && found.every((share) => share > 0.01) && found;
    }),
  );
  t.diagnostic(`share of drawn pixels: ${shares.map((share) => share.toFixed(3)).join(' ')}`);
  assert.deepEqual(page.errors, [], 'no complaint in the console, of the content security policy or of anything');
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(['#plots', 'figure.video']);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  });
  assert.deepEqual(found, []);
});

/** A latency that changes by more than this within a round is not steady. */
const STEADY_MS = 10;

test('the latency is the one that a picture tells which carries the time of its drawing', { timeout }, async (t) => {
  const { page, explained } = await scene(t, { bars: BALL });
  await explained(start(page));
  await explained(page.until('a latency', () => document.querySelector('[data-fact="latency"][data-value]') !== null));
  const [differences, rounds, attempts] = [[], 4, 40];
  for (let attempt = 0; attempt < attempts && differences.length < rounds; attempt += 1) {
    const before = await page.evaluate(shownLatency);
    const told = median(await explained(page.evaluate(ageOfBall, 25)));
    const after = await page.evaluate(shownLatency);
    const shown = (before.value + after.value) / 2;
    // The page shows what it read up to a second ago: while the latency itself changes (a start, a busy machine), nothing can be
    // compared.
    if (Math.abs(after.value - before.value) > STEADY_MS) continue;
    differences.push(told - shown);
    t.diagnostic(
      `shown ${shown.toFixed(1)} ms ± ${after.uncertainty.toFixed(2)}, told by the picture ${told.toFixed(1)} ms`,
    );
  }
  assert.equal(differences.length, rounds, `the latency was not steady in ${attempts} rounds`);
  const difference = median(differences);
  t.diagnostic(`the picture tells ${difference.toFixed(1)} ms more (it is drawn up to 5 ms before its time stamp)`);
  const { uncertainty } = await page.evaluate(shownLatency);
  // A frame of this source is 40 ms: half of one is what a busy machine may blur, and no wrong frame fits in.
  assert.ok(Math.abs(difference - 2.5) < 20 + uncertainty, `${difference} ms`);
});

test('another source’s capture times begin a run of their own', { timeout }, async (t) => {
  const { daemon, page, explained } = await scene(t, { plays: 'bars', plain: { colour: '#0000ff' } });
  await explained(start(page));
  await explained(page.until('a latency', () => document.querySelector('[data-fact="latency"][data-value]') !== null));
  daemon.reload({ plays: 'plain', plain: { colour: '#0000ff' } });
  const marks = () => document.querySelector('#plots [data-mark="source"]') !== null;
  await explained(page.until('the change is marked in the plots', marks, undefined, { seconds: 30 }));
  const runs = await explained(
    page.untilHere('the new source is told of, or says nothing', async () => {
      const events = await page.evaluate(() => window.icescope.events());
      const changed = events.find(({ kind }) => kind === 'media.source_changed');
      const told = events.filter(({ kind, sequence }) => kind === 'rtp.capture_clock' && sequence > changed.sequence);
      const begun = told.find(({ attributes }) => attributes.discontinuity);
      const { why, words } = await page.evaluate(shownLatency);
      return (begun || /does not say when/.test(why)) && { begun: begun !== undefined, words };
    }),
  );
  t.diagnostic(JSON.stringify(runs));
});

test('Firefox: the latency is a number or says why it is unknown; the plots are drawn', { timeout }, async (t) => {
  const { page, explained } = await scene(t, { launch: firefox });
  await explained(start(page));
  const latency = await explained(
    page.untilHere(
      'a latency or a reason',
      async () => {
        const found = await page.evaluate(shownLatency);
        return found !== null && (Number.isFinite(found.value) || /does not say/.test(found.why)) && found;
      },
      { seconds: 30 },
    ),
  );
  t.diagnostic(`Firefox: ${JSON.stringify(latency)}`);
  if (Number.isFinite(latency.value)) assert.ok(latency.value > 0 && latency.value < 10_000, JSON.stringify(latency));
  else assert.match(latency.words, /latency unknown/);
  const known = () =>
    ['bitRate', 'framesPerSecond', 'jitter', 'packetLoss'].every(
      (figure) =>
        document.querySelector(`#plots .plot-value[data-figure="${figure}"]`)?.textContent.match(/\d/) !== null,
    ) && document.querySelectorAll('#plots canvas').length >= 4;
  await explained(page.until('figures and plots', known, undefined, { seconds: 30 }));
  assert.deepEqual(page.errors, []);
});
