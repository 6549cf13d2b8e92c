// Chromium: the colour bars in VP8 and in H.264, another source while watching, events of both ends, the uplink
import assert from 'node:assert/strict';
import test from 'node:test';
import { receiving } from './lib/hook.mjs';
import { layNetwork } from './lib/network.mjs';
import { bars } from './lib/pixels.mjs';
import { scene, seeBars, sessionOf, start } from './lib/scene.mjs';

const timeout = 90_000;
layNetwork();
const PLAIN = { colour: '#0000ff' };

for (const [format, mimeType] of [
  ['VP8', 'video/VP8'],
  ['H264', 'video/H264'],
]) {
  test(`a click on Start shows the seven colours in ${format}`, { timeout }, async (t) => {
    const { page, explained } = await scene(t, { bars: { formats: [format] } });
    const seen = await explained(start(page));
    assert.equal(seen.mimeType, mimeType);
    const sample = await explained(seeBars(page));
    assert.deepEqual([sample.width, sample.height], [640, 480]);
  });
}

/** The example source shows one colour (blue by its configuration here) where the bars had seven; its moving mark may hide one. */
function isField(colours) {
  const blue = colours.filter(([red, green, blue]) => red < 60 && green < 60 && blue > 180);
  return blue.length >= 6;
}

test('another source in the configuration changes the picture of who watches', { timeout }, async (t) => {
  const { daemon, page, explained } = await scene(t, { plays: 'bars', plain: PLAIN });
  await explained(start(page));
  await explained(seeBars(page));
  const session = await sessionOf(page);

  daemon.reload({ plays: 'plain', plain: PLAIN });
  const field = async () => isField((await bars(page)).colours);
  await explained(page.untilHere('the plain source’s field of one colour is there', field));
  const before = await page.evaluate(receiving);
  const moves = async () => (await page.evaluate(receiving)).framesDecoded > before.framesDecoded + 10;
  await explained(page.untilHere('the new source plays', moves));

  assert.equal(await page.evaluate(() => window.e2e.connections.length), 1, 'the same connection goes on');
  assert.equal((await sessionOf(page)).id, session.id, 'the same session goes on');
  const record = await daemon.record(session);
  assert.equal(record.session.state, 'connected');

  daemon.reload({ plays: 'bars', plain: PLAIN });
  await explained(seeBars(page));
});

test('the page shows what both ends saw', { timeout }, async (t) => {
  const { page, explained } = await scene(t);
  await explained(start(page));
  const wanted = (events) => {
    const stun = events.filter(
      (event) => event.evidence === 'packet' && event.seenBy === 'daemon' && event.kind.startsWith('stun.binding.'),
    );
    const both = ['web', 'peer'].every((lane) => stun.some((event) => event.from === lane));
    return both && events.some((event) => event.evidence === 'api' && event.seenBy === 'browser');
  };
  const events = await explained(
    page.untilHere('the events of both ends', async () => {
      const all = await page.evaluate(() => window.icescope.events());
      return wanted(all) && all;
    }),
  );
  const sequences = events.map((event) => event.sequence);
  assert.deepEqual(
    sequences,
    [...new Set(sequences)].sort((a, b) => a - b),
    'each event once, in order',
  );
  const browser = events.filter((event) => event.seenBy === 'browser' && event.uncertainty > 0);
  assert.ok(browser.length > 0, 'browser events on the daemon’s clock say how far they may be off');

  const rows = await page.evaluate(() =>
    [...document.querySelectorAll('#timeline [data-sequence]')].map((row) => ({ ...row.dataset })),
  );
  assert.ok(rows.some((row) => row.evidence === 'packet' && row.seenBy === 'daemon' && row.kind.startsWith('stun.')));
  assert.ok(rows.some((row) => row.evidence === 'api' && row.seenBy === 'browser'));
  const { created, firstFrame } = await page.evaluate(() => window.icescope.times);
  assert.ok(firstFrame > created, `first frame ${firstFrame} after the connection was made ${created}`);
});

test('the browser’s own picture arrives at the daemon', { timeout }, async (t) => {
  const { page, explained } = await scene(t);
  await explained(start(page));
  await page.click('#uplink');
  const shown = () => {
    const stats = document.querySelector('#uplink-stats');
    return Number(stats?.dataset.frames ?? 0) > 10 && stats.textContent;
  };
  const text = await explained(page.until('the daemon counts frames of the uplink', shown));
  assert.match(text, /[1-9]\d+\s*[×x]\s*[1-9]\d+/, 'the size of the picture that arrived');
});
