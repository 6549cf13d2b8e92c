// A long session made of a recorded one: its set-up, then consent checks for as long as is wanted, with a loss now and then.

const PATH = { localAddress: '192.0.2.1:55357', remoteAddress: '192.0.2.1:57286', protocol: 'udp' };
/** Microseconds between two checks of consent (RFC 7675 §5.1: 5 s, from 80 % of that on). */
const EVERY_US = 4_100_000;
/** Each such round of checks gets no answer, and the connection says so. */
const LOST = 29;

/** `events` of a recorded session, continued up to `length` events. */
export function longSession(events, length) {
  const all = [...events];
  let time = all.at(-1).time;
  const add = (after, part) => {
    const base = { uncertainty: 0, seenBy: 'daemon', evidence: 'packet', level: 'info', attributes: {} };
    all.push({ ...base, ...part, sequence: all.length, time: time + after });
  };
  for (let round = 0; all.length < length; round += 1) {
    time += EVERY_US;
    const [from, to] = round % 2 === 0 ? ['peer', 'web'] : ['web', 'peer'];
    const attributes = { ...PATH, transactionId: `round${round}`, method: 'Binding' };
    add(0, { from, to, kind: 'stun.binding.request', attributes, summary: 'Binding request' });
    if (round % LOST === LOST - 1) {
      const gone = { from: 'web', to: 'web', kind: 'ice.connection_state', evidence: 'api', level: 'warn' };
      add(900_000, { ...gone, summary: 'ICE connection disconnected' });
      add(1_900_000, { ...gone, level: 'info', summary: 'ICE connection connected' });
    } else {
      add(1500, { from: to, to: from, kind: 'stun.binding.success', attributes, summary: 'Binding success response' });
    }
  }
  return all.slice(0, length);
}
