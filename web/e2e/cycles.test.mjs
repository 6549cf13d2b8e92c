// 200 connections made and closed, 20 that vanished: memory, descriptors and threads return to where they were
import assert from 'node:assert/strict';
import test from 'node:test';
import { chromium } from './lib/browser.mjs';
import { ORIGIN } from './lib/config.mjs';
import { Daemon } from './lib/daemon.mjs';
import { layNetwork } from './lib/network.mjs';
import { descriptors, ownMemory, pss, threads } from './lib/process.mjs';
import { until } from './lib/until.mjs';

const CYCLES = 200;
const VANISHED = 20;
/** So many first, uncounted: closed sessions stay readable up to a number, and allocators keep what they once had. */
const WARM_UP = 60;
/** Two hundred sessions would leak many times that; what is remembered of vanished ones is a little longer than of closed ones. */
const MEMORY_BAR = 4 * 1024 * 1024;
layNetwork();

const limits = { sessions: 64, 'new-sessions-burst': 1000, 'new-sessions-per-second': 1000 };

/** Runs in the page: from then on it can connect by WHEP. */
function install() {
  const kept = [];
  const connect = async () => {
    const connection = new RTCPeerConnection();
    connection.addTransceiver('video', { direction: 'recvonly' });
    await connection.setLocalDescription();
    const headers = { 'Content-Type': 'application/sdp' };
    const response = await fetch('/whep', { method: 'POST', headers, body: connection.localDescription.sdp });
    if (response.status !== 201) throw new Error(`POST /whep: ${response.status} ${await response.text()}`);
    await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    await new Promise((resolve, reject) => {
      const look = () => {
        if (connection.connectionState === 'connected') resolve();
        if (connection.connectionState === 'failed') reject(new Error('the connection failed'));
      };
      connection.addEventListener('connectionstatechange', look);
      look();
    });
    return { connection, resource: response.headers.get('Location') };
  };
  /** One after the other; every second one is ended by DELETE, the others by close alone. */
  window.cycles = async (count) => {
    for (let cycle = 0; cycle < count; cycle += 1) {
      const { connection, resource } = await connect();
      if (cycle % 2 === 0) await fetch(resource, { method: 'DELETE' });
      connection.close();
    }
  };
  window.keep = async (count) => {
    for (let one = 0; one < count; one += 1) kept.push(await connect());
  };
}

const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;
const figures = ({ pid }) => ({
  pss: pss(pid),
  memory: ownMemory(pid),
  descriptors: descriptors(pid),
  threads: threads(pid),
});
const told = ({ pss: all, memory, ...others }) =>
  `${megabytes(memory)} of its own (${megabytes(all)} PSS), ${JSON.stringify(others)}`;

/** Waits until no session is open. */
async function quiet(daemon) {
  const none = async () => (await daemon.sessions()).every((session) => session.state === 'closed');
  await daemon.explained(until('all sessions are over', none, { seconds: 45, every: 200 }));
}

/** Waits until all is where it was (the allocator gives unused pages back after a second), then answers the figures. */
async function back(daemon, before) {
  const same = () => {
    const now = figures(daemon);
    const memory = now.memory - before.memory < MEMORY_BAR;
    return memory && now.descriptors <= before.descriptors && now.threads <= before.threads;
  };
  await until('memory, descriptors and threads are back', same, { seconds: 20, every: 200 }).catch(() => undefined);
  return figures(daemon);
}

test('nothing stays behind', { timeout: 480_000 }, async (t) => {
  const daemon = await Daemon.start({ limits });
  t.after(() => daemon.stop());
  const browser = await chromium();
  t.after(() => browser.close());
  const page = await browser.open(ORIGIN);
  await page.evaluate(install);
  await daemon.explained(page.evaluate((count) => window.cycles(count), WARM_UP));
  await quiet(daemon);
  const before = figures(daemon);
  t.diagnostic(`before:                 ${told(before)}`);

  await daemon.explained(page.evaluate((count) => window.cycles(count), CYCLES));
  await quiet(daemon);
  const after = await back(daemon, before);
  t.diagnostic(`after ${CYCLES} cycles:       ${told(after)}`);

  await daemon.explained(page.evaluate((count) => window.keep(count), VANISHED));
  t.diagnostic(`with ${VANISHED} connections:    ${told(figures(daemon))}`);
  browser.vanish();
  await quiet(daemon);
  const end = await back(daemon, before);
  t.diagnostic(`after ${VANISHED} have vanished: ${told(end)}`);
  const kept = (await daemon.sessions()).map((session) => session.events - session.eventsDropped);
  t.diagnostic(`events of the remembered sessions: ${kept.join(' ')}`);

  for (const [name, seen] of [
    ['the cycles', after],
    ['the vanished', end],
  ]) {
    assert.ok(seen.descriptors <= before.descriptors, `descriptors after ${name}: ${told(seen)}`);
    assert.ok(seen.threads <= before.threads, `threads after ${name}: ${told(seen)}`);
    assert.ok(seen.memory - before.memory < MEMORY_BAR, `memory after ${name}: ${told(seen)}`);
  }
});
