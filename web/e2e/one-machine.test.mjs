// One machine, no internet, no server configured: host, server-reflexive and relayed paths, and what the relay saw of the browser
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { chromium } from './lib/browser.mjs';
import { binary } from './lib/daemon.mjs';
import { selectedPair } from './lib/hook.mjs';
import { browserAddress, layNetwork } from './lib/network.mjs';
import { Program } from './lib/process.mjs';
import { seeBars, sessionOf, start } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const timeout = 120_000;
const origin = 'http://localhost:8085';
layNetwork();

/** A daemon beside the browser, as it is shipped: it listens on loopback. */
async function beside(t, more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'icescope-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'icescope.toml');
  const plugin = '[[plugin]]\nname = "bars"\npath = "video-gstreamer"\n[source]\nplays = "bars"\n';
  writeFileSync(file, `${plugin}${more}`, { mode: 0o600 });
  const program = new Program([binary, 'run', '--config', file]);
  t.after(() => program.stop());
  const plugins = async () => {
    if (!program.running) throw new Error(`it has ended: ${program.output}`);
    const response = await fetch(`${origin}/api/plugins`);
    return response.ok && (await response.json()).plugins.every((plugin) => plugin.state === 'ready');
  };
  await until('the daemon serves and its plugins are up', plugins);
  const browser = await chromium();
  t.after(() => browser.close());
  return { browser, program };
}

/** Plays; answers the selected pair and the session's record. */
async function play({ browser, program }, forced) {
  const page = await browser.open(origin, forced);
  try {
    await start(page);
    await seeBars(page);
    const pair = await page.evaluate(selectedPair);
    const { id, token } = await sessionOf(page);
    const read = async () => {
      const response = await fetch(`${origin}/api/sessions/${id}`, { headers: { Authorization: `Bearer ${token}` } });
      return response.json();
    };
    const gathered = async () => {
      const record = await read();
      const ended = (event) =>
        event.kind === 'ice.gathering_state' && event.attributes.iceGatheringState === 'complete';
      return record.events.some(ended) && record;
    };
    const record = await until('the browser has gathered', gathered);
    return { pair, record };
  } catch (error) {
    error.message += `\n--- the daemon's log ---\n${program.output.slice(-6000)}`;
    throw error;
  } finally {
    await page.close();
  }
}

const seenByRelay = (record) => record.events.filter((event) => event.seenBy === 'relay');

/** Runs in the page: opens a session and gathers with its servers, without an offer to the daemon. */
async function gather() {
  const session = await (await fetch('/api/sessions', { method: 'POST' })).json();
  const connection = new RTCPeerConnection({ iceServers: session.ice_servers });
  connection.addTransceiver('video', { direction: 'recvonly' });
  const types = new Set();
  await new Promise((resolve) => {
    connection.onicecandidate = ({ candidate }) => (candidate === null ? resolve() : types.add(candidate.type));
    connection.setLocalDescription();
  });
  connection.close();
  return { session, types: [...types] };
}

test('a browser on the same machine connects directly', { timeout }, async (t) => {
  const { pair } = await play(await beside(t), {});
  assert.notEqual(pair.local.candidateType, 'relay', 'a direct path comes first');
});

// Not while it connects: Chromium stops gathering once it is connected, which here can be before it comes to TURN.
test('a browser on the same machine gathers all types, and its exchange with the relay is in its session’s record', {
  timeout,
}, async (t) => {
  const { browser, program } = await beside(t);
  const page = await browser.open(origin);
  const { session, types } = await page.evaluate(gather);
  t.diagnostic(`the browser gathered: ${types.join(' ')}`);
  for (const type of ['host', 'srflx', 'relay']) assert.ok(types.includes(type), `${type}\n${program.output}`);
  const servers = session.ice_servers;
  const read = async () => {
    const headers = { Authorization: `Bearer ${session.token}` };
    const record = await (await fetch(`${origin}/api/sessions/${session.id}`, { headers })).json();
    return record.events.some((event) => event.kind === 'turn.allocate.success') && record;
  };
  const record = await until('the relay’s events are in the record', read);
  const urls = servers.flatMap((server) => server.urls);
  assert.ok(urls.includes('stun:127.0.0.1:3478') && urls.includes('turn:127.0.0.1:3478?transport=tcp'), urls.join(' '));
  const events = seenByRelay(record);
  const kinds = new Set(events.map((event) => event.kind));
  t.diagnostic(`the relay saw: ${[...kinds].join(' ')}`);
  for (const kind of [
    'stun.binding.request',
    'stun.binding.success',
    'turn.allocate.request',
    'turn.allocate.error',
    'turn.allocate.success',
  ]) {
    assert.ok(kinds.has(kind), kind);
  }
  const challenge = events.find((event) => event.kind === 'turn.allocate.error');
  assert.equal(challenge.attributes.errorCode, 401);
  assert.equal(challenge.level, 'info', 'the first 401 is no fault');
  assert.deepEqual([challenge.from, challenge.to], ['turn', 'web']);
  const granted = events.find((event) => event.kind === 'turn.allocate.success');
  assert.ok(granted.attributes.relayedAddress.startsWith(`${browserAddress}:`), granted.attributes.relayedAddress);
  const requests = events.filter((event) => event.kind === 'turn.allocate.request');
  const answered = events.filter((event) => /^turn.allocate.(success|error)$/.test(event.kind));
  assert.deepEqual(
    new Set(answered.map((event) => event.attributes.transactionId)),
    new Set(requests.map((event) => event.attributes.transactionId)),
    'every request has its answer',
  );
});

for (const transport of ['udp', 'tcp']) {
  test(`a browser on the same machine connects through the relay alone, over ${transport}`, { timeout }, async (t) => {
    const world = await beside(t);
    const { pair, record } = await play(world, { iceTransportPolicy: 'relay', transport });
    assert.equal(pair.local.candidateType, 'relay');
    assert.equal(pair.local.relayProtocol, transport);
    const kinds = new Set(seenByRelay(record).map((event) => event.kind));
    t.diagnostic(`the relay saw: ${[...kinds].join(' ')}`);
    for (const kind of ['turn.create_permission.success', 'relay.first_to_peer', 'relay.first_from_peer']) {
      assert.ok(kinds.has(kind), kind);
    }
  });
}

test('with the policy «relay» the daemon itself goes through its own relay', { timeout }, async (t) => {
  const world = await beside(t, '[ice]\npolicy = "relay"\n');
  const { pair, record } = await play(world, {});
  assert.equal(pair.remote.candidateType, 'relay', 'the daemon offers nothing else');
  const own = record.events.filter((event) => event.kind === 'turn.allocate.success' && event.seenBy === 'daemon');
  assert.ok(own.length > 0, 'the wiretap saw the daemon allocate');
  const addresses = own.map((event) => event.attributes.localAddress);
  const twice = seenByRelay(record).filter((event) => addresses.includes(event.attributes.remoteAddress));
  assert.deepEqual(twice, [], 'nothing of it is told twice');
});
