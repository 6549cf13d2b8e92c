// Clients that nobody here wrote receive the picture: aiortc through /offer, the WHEP player of whip-whep
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from './lib/browser.mjs';
import { ORIGIN } from './lib/config.mjs';
import { Daemon, python } from './lib/daemon.mjs';
import { receiving } from './lib/hook.mjs';
import { layNetwork } from './lib/network.mjs';
import { wrongBars } from './lib/pixels.mjs';
import { Program } from './lib/process.mjs';
import { seeBars } from './lib/scene.mjs';
import { FOREIGN_ORIGIN, serve } from './lib/serve.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const player = join(here, '../node_modules/whip-whep/whep.js');
const timeout = 90_000;
layNetwork();

test('aiortc through POST /offer decodes the bars', { timeout }, async (t) => {
  const daemon = await Daemon.start({});
  t.after(() => daemon.stop());
  const client = new Program([python, join(here, 'clients/aiortc_viewer.py'), ORIGIN, '30']);
  const { code } = await client.exited;
  assert.equal(code, 0, `${client.output}\n${daemon.log.slice(-4000)}`);
  const seen = JSON.parse(client.output.trim().split('\n').at(-1));
  assert.equal(seen.frames, 30);
  assert.deepEqual([seen.width, seen.height], [640, 480]);
  assert.deepEqual(wrongBars(seen), []);
  assert.deepEqual(Object.keys(seen.natInfo).sort(), [
    'has_srflx',
    'local_ip',
    'nat_category',
    'nat_type',
    'public_ip',
  ]);
});

const PAGE = `<!doctype html><video id="video" autoplay muted playsinline></video>
<script type="module">
  import { WHEPClient } from '/whep.js';
  const connection = new RTCPeerConnection();
  connection.addTransceiver('video', { direction: 'recvonly' });
  connection.ontrack = ({ streams, track }) => {
    document.querySelector('#video').srcObject = streams[0] ?? new MediaStream([track]);
  };
  window.player = new WHEPClient();
  window.player.view(connection, '${ORIGIN}/whep').catch((error) => { window.problem = String(error); });
</script>`;

test('the WHEP player of whip-whep plays from another, allowed origin', { timeout }, async (t) => {
  const daemon = await Daemon.start({ server: { 'allowed-origins': [FOREIGN_ORIGIN] } });
  t.after(() => daemon.stop());
  await serve(t, { '/': PAGE, '/whep.js': readFileSync(player, 'utf8'), '/favicon.ico': '' });
  const browser = await chromium();
  t.after(() => browser.close());
  const page = await browser.open(FOREIGN_ORIGIN);
  const answered = page.until('the player has its answer', () => {
    if (window.problem !== undefined) throw new Error(window.problem);
    return window.e2e.connections[0]?.signalingState === 'stable' && window.e2e.resources.length > 0;
  });
  await daemon.explained(answered);
  await daemon.explained(seeBars(page));
  const seen = await page.evaluate(receiving);
  assert.ok(seen.framesDecoded > 0, JSON.stringify(seen));
  await page.evaluate(() => window.player.stop());
  const state = await page.evaluate(async () => (await fetch(window.e2e.resources[0], { method: 'DELETE' })).status);
  assert.equal(state, 404, 'the player’s own DELETE has ended the resource');
});
