// The plots and the facts over the picture, in Chromium against the stand-in daemon.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { course, stats } from './figures.mjs';
import { openPage } from './scene.mjs';

const timeout = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function play(t, options) {
  const scene = await openPage(t, options);
  await scene.page.click('#start');
  await scene.page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
  return scene;
}

/** Two minutes of figures, far behind the page's own. */
async function plotted(t, options) {
  const scene = await play(t, options);
  scene.daemon.sawAll(course({ from: 300 }));
  await scene.page.waitForFunction(() => document.querySelectorAll('#plots .plot canvas').length === 6);
  return scene;
}

const value = (page, figure) => page.textContent(`#plots .plot-value[data-figure="${figure}"]`);

/** How many pixels of a plot's drawing have exactly a colour of the theme. */
const painted = (page, plot, colour) =>
  page.evaluate(
    ([name, wanted]) => {
      const canvas = document.querySelector(`#plots .plot[data-plot="${name}"] canvas`);
      const part = document.querySelector(`#plots .plot-colours [data-colour="${wanted}"]`);
      const [red, green, blue] = getComputedStyle(part).color.match(/\d+/g).map(Number);
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) count += 1;
      }
      return count;
    },
    [plot, colour],
  );

test('a connection is plotted from the browser’s own figures', { timeout }, async (t) => {
  const { page, complaints } = await play(t);
  assert.equal(await page.isVisible('#plots canvas'), false, 'no empty plots');
  await page.waitForFunction(() => document.querySelectorAll('#plots .plot[data-known="true"] canvas').length >= 5);
  // The newest reading of the record, and what stands beside the plot.
  const shown = await page.evaluate(async () => {
    const words = () => document.querySelector('#plots .plot-value[data-figure="framesPerSecond"]').textContent;
    const reports = window.icescope.events().filter(({ kind }) => kind === 'stats');
    const of = (event) => event.attributes['inbound-rtp']?.[0];
    const [before, last] = reports.map(of).filter(Boolean).slice(-2);
    const rate = ((last.framesDecoded - before.framesDecoded) * 1000) / (last.timestamp - before.timestamp);
    return { words: words(), rate };
  });
  assert.match(shown.words, /^\d+ fps$/);
  assert.ok(Math.abs(Number.parseFloat(shown.words) - shown.rate) < 10, JSON.stringify(shown));
  assert.deepEqual(complaints, [], 'nothing was blocked by the content security policy, nothing failed');
});

test('the newest values stand beside the plots, and those of a moment that is pointed at', { timeout }, async (t) => {
  const { page } = await plotted(t);
  const last = course({ from: 300 }).findLast(({ kind }) => kind === 'stats');
  const jitter = last.attributes['inbound-rtp'][0].jitter * 1000;
  assert.equal(await value(page, 'jitter'), `${jitter.toFixed(2)} ms`);
  assert.equal(await value(page, 'framesPerSecond'), '30 fps');
  assert.equal(await value(page, 'packetLoss'), '0 %');
  assert.equal(await page.textContent('#plots .plot-time'), '');
  // The bad seconds, 90 to 94 of 120: the middle of the last minute.
  const jitterPlot = page.locator('#plots .plot[data-plot="jitter"] .u-over');
  await jitterPlot.scrollIntoViewIfNeeded();
  const box = await jitterPlot.boundingBox();
  await page.mouse.move(box.x + (box.width * 33) / 60, box.y + 50);
  assert.equal(await value(page, 'framesPerSecond'), '9 fps');
  assert.equal(await value(page, 'framesDropped'), '6/s');
  assert.equal(await value(page, 'packetLoss'), '12 %');
  assert.match(await page.textContent('#plots .plot-time'), /^at 39[23]\.\d s$/);
  const cursors = await page.$$eval('#plots .u-cursor-x', (all) => new Set(all.map((one) => one.style.transform)).size);
  assert.equal(cursors, 1, 'one moment in all plots');
  await page.mouse.move(0, 0);
  assert.equal(await value(page, 'framesPerSecond'), '30 fps');
});

test('the slider goes from moment to moment by keyboard, and stays there while figures come', {
  timeout,
}, async (t) => {
  const { page, daemon } = await plotted(t);
  await page.focus('#plots .plot-slider');
  const said = () => page.getAttribute('#plots .plot-slider', 'aria-valuetext');
  assert.match(
    await said(),
    /^at 419\.0 s, Bit rate [\d.]+ Mbit\/s, Round trip time [\d.]+ ms, .*Frames decoded 30 fps/,
  );
  for (let press = 0; press < 27; press += 1) await page.keyboard.press('ArrowLeft');
  assert.equal(await page.textContent('#plots .plot-time'), 'at 392.0 s');
  assert.equal(await value(page, 'framesPerSecond'), '9 fps');
  assert.match(await said(), /^at 392\.0 s.*Frames decoded 9 fps, Frames dropped 6\/s/);
  const place = () => page.$$eval('#plots .u-cursor-x', (all) => all.map((one) => one.style.transform));
  const before = await place();
  assert.equal(new Set(before).size, 1, 'one moment in all plots');
  daemon.sawAll([stats(420, {}), stats(421, {})]);
  await page.waitForFunction((was) => document.querySelector('#plots .u-cursor-x').style.transform !== was, before[0]);
  assert.equal(await page.textContent('#plots .plot-time'), 'at 392.0 s', 'the axis moves, the moment stays');
  await page.evaluate(() => document.activeElement.blur());
  await page.waitForFunction(() => document.querySelector('#plots .plot-time').textContent === '');
});

test('no line leads over a silence, and every figure is drawn', { timeout }, async (t) => {
  const { page } = await plotted(t);
  for (const plot of ['bitRate', 'roundTripTime', 'jitter', 'packetLoss', 'frames', 'latency']) {
    assert.ok((await painted(page, plot, 'first')) > 100, `${plot} is drawn`);
  }
  // From 370 to 378 s of a minute that ends at 419 s nothing was heard.
  const columns = await page.evaluate(() => {
    const canvas = document.querySelector('#plots .plot[data-plot="bitRate"] canvas');
    const over = document.querySelector('#plots .plot[data-plot="bitRate"] .u-over');
    const [red, green, blue] = getComputedStyle(document.querySelector('#plots [data-colour="first"]'))
      .color.match(/\d+/g)
      .map(Number);
    const scale = canvas.width / canvas.clientWidth;
    const at = (seconds) => Math.round((over.offsetLeft + (over.clientWidth * (seconds - 359)) / 60) * scale);
    const drawn = (x) => {
      const { data } = canvas.getContext('2d').getImageData(x, over.offsetTop * scale, 1, over.clientHeight * scale);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) {
        found += data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] > 128 ? 1 : 0;
      }
      return found > 0;
    };
    return { before: [362, 365, 368].map(at).map(drawn), silent: [371, 373, 376].map(at).map(drawn) };
  });
  assert.ok(columns.before.includes(true), JSON.stringify(columns));
  assert.deepEqual(columns.silent, [false, false, false]);
});

test('what happened is marked, named and opened', { timeout }, async (t) => {
  const { page } = await plotted(t);
  await page.click('#plots .choice >> text=Whole session');
  const marks = await page.$$eval('#plots .mark-legend [data-mark]', (all) =>
    all.map(({ dataset }) => [dataset.mark, dataset.count]),
  );
  assert.deepEqual(marks, [
    ['source', '1'],
    ['restart', '1'],
    ['key-frame', '2'],
    ['freeze', '1'],
  ]);
  assert.ok((await painted(page, 'bitRate', 'calm')) > 20, 'a line where the source changed');
  assert.ok((await painted(page, 'bitRate', 'bad')) > 20, 'a line where the picture froze');
  await page.click('#plots [data-mark="source"] button');
  await page.waitForSelector('#timeline [data-kind="media.source_changed"][data-cited]');
  await page.click('#plots .choice >> text=Last 60 s');
  assert.equal(await page.$('#plots [data-mark="source"]'), null, 'a minute ago it had changed already');
});

test('the table has the same figures', { timeout }, async (t) => {
  const { page } = await plotted(t);
  await page.click('#plots .choice >> text=Table');
  const rows = await page.$$eval('#plots tr[data-figure]', (all) =>
    Object.fromEntries(
      all.map((row) => [row.dataset.figure, [...row.querySelectorAll('td')].map((cell) => cell.textContent)]),
    ),
  );
  assert.deepEqual(rows.framesPerSecond.toSpliced(2, 1), ['30 fps', '9 fps', '30 fps']);
  assert.deepEqual(rows.packetLoss.toSpliced(2, 1), ['0 %', '0 %', '12 %']);
  assert.deepEqual(Object.keys(rows).length, 7);
  const marks = await page.$$eval('#plots .plot-table table:nth-of-type(2) tbody tr', (all) =>
    all.map((row) => row.textContent),
  );
  assert.equal(marks.length, 4, marks.join('; '));
});

test('other colours are drawn at once', { timeout }, async (t) => {
  const { page } = await plotted(t, { colorScheme: 'light' });
  const light = await page.evaluate(
    () => getComputedStyle(document.querySelector('#plots [data-colour="first"]')).color,
  );
  await page.selectOption('.theme select', 'dark');
  await page.waitForFunction(
    (before) => getComputedStyle(document.querySelector('#plots [data-colour="first"]')).color !== before,
    light,
  );
  assert.ok((await painted(page, 'bitRate', 'first')) > 100, 'by the user’s choice');
  await page.selectOption('.theme select', 'auto');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(
    (before) => getComputedStyle(document.querySelector('#plots [data-colour="first"]')).color !== before,
    light,
  );
  assert.ok((await painted(page, 'bitRate', 'first')) > 100, 'with the system’s');
});

test('a narrower window has narrower plots, and nothing sticks out', { timeout }, async (t) => {
  const { page } = await plotted(t);
  const widths = () =>
    page.evaluate(() => [
      document.querySelector('#plots canvas').clientWidth,
      document.querySelector('#plots .plot').clientWidth,
    ]);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.waitForFunction(() => {
    const { clientWidth } = document.querySelector('#plots .plot');
    return clientWidth < 360 && document.querySelector('#plots canvas').clientWidth === clientWidth;
  });
  const [canvas, plot] = await widths();
  assert.equal(canvas, plot);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
});

test('the facts stand over the picture if they are wanted, on a phone under it', { timeout }, async (t) => {
  const { page } = await play(t);
  await page.waitForSelector('[data-fact="bitRate"]');
  const facts = () =>
    page.$$eval('.video-facts [data-fact]', (all) =>
      Object.fromEntries(all.map((one) => [one.dataset.fact, one.querySelector('dd').textContent])),
    );
  const { codec, size, rate, bitRate, path } = await facts();
  assert.equal(codec, 'VP8');
  assert.equal(size, '640×480');
  assert.match(rate, /^\d+ fps$/);
  assert.match(bitRate, /^[\d.]+ [kM]bit\/s$/);
  assert.equal(path, (await page.textContent('#pair')).replace(/, RTT.*/, ''));
  const over = () =>
    page.evaluate(() => {
      const [picture, facts] = ['#video', '.video-facts'].map((name) =>
        document.querySelector(name).getBoundingClientRect(),
      );
      return facts.top < picture.bottom - 1;
    });
  assert.equal(await over(), true);
  await page.click('.facts-switch input');
  assert.equal(await over(), false);
  await page.click('.facts-switch input');
  await page.setViewportSize({ width: 390, height: 844 });
  assert.equal(await over(), false, 'a phone’s picture is small');
});

test('the latency is measured against the daemon’s capture clock, over a wrap of RTP’s time', {
  timeout,
}, async (t) => {
  const { page, daemon } = await play(t);
  await page.waitForSelector('[data-fact="latency"]');
  assert.match(await page.textContent('[data-fact="latency"]'), /latency unknown/);
  const why = 'The source does not say when its pictures were taken.';
  await page.waitForSelector(`[data-fact="latency"][title="${why}"]`);
  // What the page presents, by its own clock: the stand-in says that it was taken 70 ms before.
  const { timestamp, at } = await page.evaluate(
    () =>
      new Promise((resolve) => {
        document.querySelector('#video').requestVideoFrameCallback((_, { rtpTimestamp, presentationTime }) => {
          resolve({ timestamp: rtpTimestamp, at: presentationTime * 1000 });
        });
      }),
  );
  const { offset } = daemon.session.clock;
  // An anchor three seconds earlier; where RTP's time stands is up to the sender, so it may lie behind the wrap.
  daemon.saw({
    kind: 'rtp.capture_clock',
    level: 'debug',
    time: Math.round(at + offset - 3_070_000),
    attributes: { rtpTimestamp: (timestamp - 270_000) >>> 0, ssrc: 1, clockRate: 90_000, discontinuity: true },
  });
  const fact = await page.waitForSelector('[data-fact="latency"][data-value]');
  const [value, uncertainty] = await fact.evaluate(({ dataset }) => [
    Number(dataset.value),
    Number(dataset.uncertainty),
  ]);
  // The stand-in's canvas is not even to the millisecond; the page's clock has drifted by nothing worth speaking of.
  assert.ok(Math.abs(value - 70_000) < 40_000, `${value} µs`);
  assert.ok(uncertainty > 0 && uncertainty < 60_000, `± ${uncertainty} µs`);
  assert.match(await page.textContent('[data-fact="latency"]'), /latency -?[\d.]+ ms ± [\d.]+/);
  const recorded = await page.waitForFunction(() =>
    window.icescope.events().findLast(({ kind, attributes }) => kind === 'stats' && attributes.presentation),
  );
  const { presentation } = (await recorded.jsonValue()).attributes;
  assert.ok(Math.abs(presentation.captureToPresented - 0.07) < 0.04, JSON.stringify(presentation));
  await page.waitForSelector('#plots .plot[data-plot="latency"][data-known="true"]');
});

test('an uplink’s figures have plots of their own', { timeout }, async (t) => {
  const { page, daemon } = await openPage(t);
  await page.click('#uplink');
  while (!daemon.requests.includes('POST /whip')) await page.waitForEvent('requestfinished');
  const uplink = (seconds) => ({
    ...{
      mimeType: 'video/VP8',
      packetsReceived: 90 * seconds,
      packetsLost: 10 * seconds,
      bytesReceived: 100_000 * seconds,
    },
    ...{ framesReceived: 15 * seconds, keyFramesReceived: 1, frameWidth: 640, frameHeight: 480, jitter: 0.003 },
    ...{ framesPerSecond: 15, bitsPerSecond: 800_000 },
  });
  for (let seconds = 1; seconds <= 3; seconds += 1) {
    daemon.tellSession({ uplink: uplink(seconds) });
    await page.waitForSelector(`#uplink-stats[data-frames="${15 * seconds}"]`);
    // The page places them by its own clock: they must be apart.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)));
  }
  await page.click('.uplink-plots > summary');
  await page.waitForSelector('.uplink-plots .plot[data-plot="packetLoss"] canvas');
  assert.equal(await page.textContent('.uplink-plots [data-figure="packetLoss"]'), '10 %');
  assert.equal(await page.textContent('.uplink-plots [data-figure="jitter"]'), '3.00 ms');
});

test('a session out of a file is plotted like a live one', { timeout }, async (t) => {
  const { page } = await openPage(t);
  const dump = readFileSync(new URL('../records/webrtc_internals_dump.txt', import.meta.url));
  await page.setInputFiles('#import-file', { name: 'dump.txt', mimeType: 'text/plain', buffer: dump });
  await page.click('[data-connection="8-2"]');
  await page.waitForFunction(() => document.querySelectorAll('#plots .plot canvas').length >= 5);
  assert.equal(await value(page, 'framesPerSecond'), '10 fps');
  assert.equal(await value(page, 'jitter'), '2.00 ms');
  assert.equal(await value(page, 'latency'), '–');
  assert.match(
    await page.textContent('#plots .plot[data-plot="latency"] .plot-nothing'),
    /^not known in this session$/,
  );
  assert.ok((await painted(page, 'frames', 'first')) > 20);
});

test('axe finds nothing in plots, table and facts, light and dark', { timeout }, async (t) => {
  for (const colorScheme of ['light', 'dark']) {
    const { page } = await plotted(t, { colorScheme });
    await page.waitForSelector('[data-fact="bitRate"]');
    await page.evaluate(AXE);
    const check = () =>
      page.evaluate(async () => {
        const { violations } = await window.axe.run(['#plots', 'figure.video']);
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
      });
    assert.deepEqual(await check(), [], colorScheme);
    await page.click('#plots .choice >> text=Table');
    assert.deepEqual(await check(), [], `${colorScheme}, table`);
  }
});

test('two hours of figures are drawn without delay', { timeout }, async (t) => {
  const { page, daemon } = await play(t);
  const sum = { packetsReceived: 0, bytesReceived: 0, framesDecoded: 0 };
  const long = Array.from({ length: 7200 }, (_, at) => {
    sum.packetsReceived += 100;
    sum.bytesReceived += 100_000;
    sum.framesDecoded += 30;
    return stats(300 + at, { ...sum, packetsLost: 0, jitter: 0.003 });
  });
  daemon.sawAll(long);
  await page.waitForFunction(() => document.querySelectorAll('#plots .plot canvas').length === 6);
  const took = await page.evaluate(async () => {
    const from = performance.now();
    [...document.querySelectorAll('#plots .choice button')].find((one) => one.textContent === 'Whole session').click();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - from;
  });
  t.diagnostic(`7,200 readings in six plots: ${took.toFixed(0)} ms from the click to the next frame`);
  assert.equal(await page.getAttribute('#plots .choice button >> text=Whole session', 'aria-pressed'), 'true');
  assert.ok((await painted(page, 'bitRate', 'first')) > 100);
});
