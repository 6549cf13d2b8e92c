// Only by a relay, over UDP, TCP and TLS: the browser's end and the daemon's, by coturn and by the daemon's own relay
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { chromium } from './lib/browser.mjs';
import { certify } from './lib/certificates.mjs';
import { ORIGIN } from './lib/config.mjs';
import { coturn, PORT, TLS_PORT } from './lib/coturn.mjs';
import { Daemon } from './lib/daemon.mjs';
import { connectTime, selectedPair } from './lib/hook.mjs';
import { daemonAddress, layNetwork } from './lib/network.mjs';
import { seeBars, sessionOf, start } from './lib/scene.mjs';

const timeout = 180_000;
/** Connect times are medians of so many. */
const TIMES = 5;
layNetwork();

const secret = 'a secret of this test alone';
const stun = [{ urls: `stun:${daemonAddress}:${PORT}` }];
const url = {
  udp: `turn:${daemonAddress}:${PORT}?transport=udp`,
  tcp: `turn:${daemonAddress}:${PORT}?transport=tcp`,
  tls: `turns:${daemonAddress}:${TLS_PORT}?transport=tcp`,
};
const turn = (transport) => [{ urls: url[transport], 'secret-file': './turn.secret' }];

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** A folder with certificates, coturn if wanted, the daemon and a browser; all end with the test. */
async function scene(t, { relay, ...wishes }) {
  const folder = mkdtempSync(join(tmpdir(), 'icescope-relay-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const papers = certify(folder, daemonAddress);
  const text = (path) => readFileSync(path, 'utf8');
  const files = { 'turn.secret': secret, 'ca.pem': text(papers.authority) };
  if (relay === undefined) {
    await coturn(t, { secret, ...papers });
  } else {
    Object.assign(files, { 'relay.pem': text(papers.certificate), 'relay.key': text(papers.key) });
  }
  const daemon = await Daemon.start({ ...wishes, ...(relay && { relay }), files });
  t.after(() => daemon.stop());
  const browser = await chromium([`--ignore-certificate-errors-spki-list=${papers.spki}`]);
  t.after(() => browser.close());
  return { daemon, browser };
}

/** Plays once; answers the browser's selected pair, the session's record and the time to connect. */
async function play({ daemon, browser }, forced) {
  const page = await browser.open(ORIGIN, forced);
  await daemon.explained(start(page));
  await daemon.explained(seeBars(page));
  const pair = await page.evaluate(selectedPair);
  const record = await daemon.record(await sessionOf(page));
  const took = await page.evaluate(connectTime);
  await page.close();
  return { pair, record, took };
}

const kinds = (record, seenBy) => record.events.filter((event) => event.seenBy === seenBy).map((event) => event.kind);

async function browserByRelay(t, world, transports) {
  const direct = [];
  for (let one = 0; one < TIMES; one += 1) direct.push((await play(world, {})).took);
  for (const transport of transports) {
    const relayed = [];
    for (let one = 0; one < TIMES; one += 1) {
      const seen = await play(world, { iceTransportPolicy: 'relay', transport });
      assert.equal(seen.pair.local.candidateType, 'relay', transport);
      assert.equal(seen.pair.local.relayProtocol, transport);
      relayed.push(seen.took);
    }
    const [one, other] = [median(relayed), median(direct)];
    t.diagnostic(
      `${transport}: connected after ${one.toFixed(0)} ms, directly ${other.toFixed(0)} ms: ${(one - other).toFixed(0)} ms more`,
    );
  }
}

/** The daemon offered relayed addresses alone, and the browser used one of them. */
function offersOnlyRelays({ pair, record }) {
  assert.notEqual(pair.local.candidateType, 'relay');
  const candidates = record.events.filter((event) => event.kind === 'ice.candidate' && event.from === 'peer');
  const types = new Set(candidates.map((event) => event.attributes.candidateType));
  assert.deepEqual([...types], ['relay'], 'the daemon offered nothing but relayed addresses');
  assert.ok(kinds(record, 'daemon').includes('turn.allocate.success'), kinds(record, 'daemon').join(' '));
}

for (const transport of ['udp', 'tcp', 'tls']) {
  test(`the browser plays by coturn alone, over ${transport}`, { timeout }, async (t) => {
    const world = await scene(t, { ice: { browser: { servers: turn(transport) } } });
    await browserByRelay(t, world, [transport]);
  });

  test(`the daemon plays by coturn alone, over ${transport}`, { timeout }, async (t) => {
    const ice = { servers: turn(transport), policy: 'relay', browser: { servers: stun }, 'ca-file': './ca.pem' };
    const world = await scene(t, { ice });
    const took = [];
    for (let one = 0; one < TIMES; one += 1) {
      const seen = await play(world, {});
      offersOnlyRelays(seen);
      took.push(seen.took);
    }
    t.diagnostic(`${transport}: connected after ${took.map((one) => one.toFixed(0)).join(', ')} ms`);
  });
}

test('the browser plays by the daemon’s own relay alone, over UDP, TCP and TLS', { timeout }, async (t) => {
  const relay = {
    listen: `${daemonAddress}:${PORT}`,
    'tls-listen': `${daemonAddress}:${TLS_PORT}`,
    'tls.certificate': './relay.pem',
    'tls.key': './relay.key',
  };
  const world = await scene(t, { relay });
  await browserByRelay(t, world, ['udp', 'tcp', 'tls']);
});
