// Wiretap and relay against tshark: every STUN message of a session, none missing, none invented; the time difference printed
import assert from 'node:assert/strict';
import test from 'node:test';
import { Capture } from './lib/capture.mjs';
import { layNetwork } from './lib/network.mjs';
import { scene, seeBars, sessionOf, start } from './lib/scene.mjs';
import { median, until } from './lib/until.mjs';

/** The consent checks of some seconds shall be among them (RFC 7675: one in about five seconds; ICE pings come more often). */
const WATCHED_SECONDS = 12;
layNetwork();

const key = ({ transaction, class: kind, direction }) => `${direction} ${kind} ${transaction}`;

/** Key → times, ascending. */
function byKey(messages) {
  const times = new Map();
  for (const message of messages) times.set(key(message), [...(times.get(key(message)) ?? []), message.at]);
  for (const list of times.values()) list.sort((a, b) => a - b);
  return times;
}

/** What wiretap and relay recorded, in tshark's words. Epoch time = openedUnixMs + the event's time on the session's axis. */
function recorded({ session, events }) {
  const isMessage = ({ seenBy, evidence, kind, attributes }) =>
    ['daemon', 'relay'].includes(seenBy) &&
    evidence === 'packet' &&
    /^(stun|turn)\./.test(kind) &&
    // tshark takes STUN over TCP for what it is only on some ports.
    attributes.protocol === 'udp';
  return events.filter(isMessage).map((event) => ({
    at: session.openedUnixMs * 1000 + event.time,
    transaction: event.attributes.transactionId,
    class: event.attributes.class.split(' ')[0],
    direction: event.attributes.direction,
  }));
}

function differences(ours, theirs) {
  const missing = [];
  const invented = [];
  const off = [];
  for (const [name, times] of theirs) {
    const own = ours.get(name) ?? [];
    if (own.length < times.length) missing.push(`${name} (${times.length} on the wire, ${own.length} recorded)`);
  }
  for (const [name, times] of ours) {
    const wire = theirs.get(name) ?? [];
    if (times.length > wire.length) invented.push(`${name} (${times.length} recorded, ${wire.length} on the wire)`);
    for (const [index, at] of wire.entries()) if (index < times.length) off.push(times[index] - at);
  }
  return { missing, invented, off };
}

test('wiretap, relay and tshark saw the same STUN messages', { timeout: 120_000 }, async (t) => {
  const capture = await Capture.start(t);
  const { daemon, page, explained } = await scene(t);
  await explained(start(page));
  await explained(seeBars(page));
  const session = await sessionOf(page);
  const long = async () => (await daemon.record(session)).events.some((event) => event.time > WATCHED_SECONDS * 1e6);
  await until('the session is some seconds old', long, { seconds: WATCHED_SECONDS + 10, every: 500 });
  await page.close();
  const closed = async () => (await daemon.record(session)).session.state === 'closed';
  await explained(until('the session is over', closed, { seconds: 30 }));

  const { messages, dropped } = await capture.stun();
  assert.equal(dropped, 0, 'dumpcap itself dropped packets: its view is not whole');
  const record = await daemon.record(session);
  assert.equal(record.session.eventsDropped, 0, 'the record is whole');
  // The browser gives its relayed address back when the page is gone: that may come after the capture's end.
  const end = Math.max(...messages.map((message) => message.at)) + 1_000;
  const during = recorded(record).filter((message) => message.at <= end);
  const { missing, invented, off } = differences(byKey(during), byKey(messages));

  const kinds = (direction, kind) =>
    messages.filter((message) => message.direction === direction && message.class === kind).length;
  const counts = ['inbound', 'outbound'].map((direction) => ({
    direction,
    requests: kinds(direction, 'request'),
    successes: kinds(direction, 'success'),
  }));
  for (const one of counts) t.diagnostic(`on the wire ${JSON.stringify(one)}`);
  const middle = median(off);
  const spread = off.map((value) => Math.abs(value - middle));
  t.diagnostic(`${off.length} messages matched by transaction, class and direction`);
  t.diagnostic(
    `wiretap minus tshark: median ${middle.toFixed(0)} µs, largest ${Math.max(...off.map(Math.abs)).toFixed(0)} µs`,
  );
  t.diagnostic(
    `around that median: median ${median(spread).toFixed(0)} µs, largest ${Math.max(...spread).toFixed(0)} µs`,
  );
  t.diagnostic('(the wiretap’s times are put on tshark’s clock by openedUnixMs, which is told in whole milliseconds)');
  assert.deepEqual(missing, [], 'on the wire and not recorded');
  assert.deepEqual(invented, [], 'recorded and not on the wire');
  for (const { direction, requests, successes } of counts) {
    assert.ok(requests > 0 && successes > 0, `both ends ask and answer; ${direction}: ${requests} and ${successes}`);
  }
  assert.ok(median(spread) < 5_000, 'the times are those of the packets');
});
