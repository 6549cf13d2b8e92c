// Doors: from another origin, under another Host, without a token the daemon refuses; each beside the same thing allowed
import assert from 'node:assert/strict';
import test from 'node:test';
import { chromium } from './lib/browser.mjs';
import { ORIGIN, PORT } from './lib/config.mjs';
import { Daemon } from './lib/daemon.mjs';
import { ask, upgrade } from './lib/http.mjs';
import { daemonAddress, layNetwork } from './lib/network.mjs';
import { FOREIGN_ORIGIN, serve } from './lib/serve.mjs';

layNetwork();
let daemon;
test.before(async () => {
  daemon = await Daemon.start({});
});
test.after(() => daemon.stop());

const timeout = 60_000;
const refused = (answer) => answer.status >= 400 && answer.status < 500;
const told = (answer) => `${answer.status} ${answer.body.slice(0, 200)}`;

async function open() {
  const answer = await ask('POST', '/api/sessions', { headers: { Origin: ORIGIN } });
  assert.equal(answer.status, 201, told(answer));
  return JSON.parse(answer.body);
}

test('another Origin may not open sessions or signal', { timeout }, async () => {
  await open();
  const sdp = { 'Content-Type': 'application/sdp' };
  const json = { 'Content-Type': 'application/json' };
  for (const [method, path, headers] of [
    ['POST', '/api/sessions', {}],
    ['POST', '/whep', sdp],
    ['POST', '/whip', sdp],
    ['POST', '/offer', json],
  ]) {
    const answer = await ask(method, path, { headers: { ...headers, Origin: 'http://198.51.100.7' }, body: '{}' });
    assert.equal(answer.status, 403, `${method} ${path}: ${told(answer)}`);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
});

test('another Host is refused on every path', { timeout }, async () => {
  for (const path of ['/', '/api/plugins']) {
    const allowed = await ask('GET', path, { headers: { Host: `${daemonAddress}:${PORT}` } });
    assert.equal(allowed.status, 200, told(allowed));
    for (const Host of ['rebound.example', `rebound.example:${PORT}`, '198.51.100.7']) {
      const answer = await ask('GET', path, { headers: { Host } });
      assert.ok(refused(answer), `GET ${path} with Host ${Host}: ${told(answer)}`);
      assert.ok(!answer.body.includes('<div id="app"'), 'the page is not served under another name');
    }
  }
});

test('a session is read with its own token only', { timeout }, async () => {
  const [mine, other] = [await open(), await open()];
  const path = `/api/sessions/${mine.id}`;
  const allowed = await ask('GET', path, { headers: { Authorization: `Bearer ${mine.token}` } });
  assert.equal(allowed.status, 200, told(allowed));
  for (const headers of [{}, { Authorization: `Bearer ${other.token}` }, { Authorization: 'Bearer ' }]) {
    const answer = await ask('GET', path, { headers });
    assert.ok(refused(answer), `${JSON.stringify(headers)}: ${told(answer)}`);
    assert.ok(!answer.body.includes('"events"'), 'nothing of the record is told');
  }
});

test('the list of sessions is not for other hosts', { timeout }, async () => {
  const { id } = await open();
  const answer = await ask('GET', '/api/sessions');
  assert.ok(refused(answer), told(answer));
  assert.ok(!answer.body.includes(id));
});

test('signalling into somebody’s session takes its token', { timeout }, async () => {
  const { id } = await open();
  const headers = { 'Content-Type': 'application/sdp', 'Icescope-Session': `${id}.${'0'.repeat(32)}` };
  const answer = await ask('POST', '/whep', { headers, body: 'v=0\r\n' });
  assert.ok([401, 403, 404].includes(answer.status), told(answer));
});

test('the live channel opens for our own origin only', { timeout }, async () => {
  const { live } = await open();
  assert.equal((await upgrade(live, { Origin: ORIGIN })).status, 101);
  const answer = await upgrade(live, { Origin: 'http://198.51.100.7' });
  assert.ok(refused(answer), told(answer));
});

/** Runs in a page: what it gets from the daemon. */
async function knock({ origin, live }) {
  const tell = (promise) => promise.then((answer) => `status ${answer.status}`).catch(() => 'blocked');
  const socket = new WebSocket(`${origin.replace('http', 'ws')}${live}`);
  const channel = new Promise((resolve) => {
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('blocked');
  });
  return {
    read: await tell(fetch(`${origin}/api/plugins`)),
    open: await tell(fetch(`${origin}/api/sessions`, { method: 'POST' })),
    channel: await channel,
  };
}

test('a page of another origin gets nothing in a real browser; our own page does', { timeout }, async (t) => {
  await serve(t, { '/': '<title>foreign</title>', '/favicon.ico': '' });
  const browser = await chromium();
  t.after(() => browser.close());
  const { live } = await open();
  const own = await browser.open(ORIGIN);
  assert.deepEqual(await own.evaluate(knock, { origin: ORIGIN, live }), {
    read: 'status 200',
    open: 'status 201',
    channel: 'open',
  });
  const foreign = await browser.open(FOREIGN_ORIGIN);
  assert.deepEqual(await foreign.evaluate(knock, { origin: ORIGIN, live }), {
    read: 'blocked',
    open: 'blocked',
    channel: 'blocked',
  });
});
