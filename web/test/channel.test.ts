import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../src/generated/Event';
import type { ToPage } from '../src/generated/ToPage';
import { Channel, type ChannelState } from '../src/live/channel';
import { Outbox } from '../src/live/outbox';

class FakeSocket {
  static all: FakeSocket[] = [];
  readyState: number = WebSocket.CONNECTING;
  sent: { type: string; [key: string]: unknown }[] = [];
  onopen: (() => void) | undefined;
  onmessage: ((message: { data: string }) => void) | undefined;
  onclose: ((event: { code: number }) => void) | undefined;

  constructor(readonly path: string) {
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  open() {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }

  say(message: ToPage) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close(code = 1006) {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    this.onclose?.({ code });
  }

  of(type: string) {
    return this.sent.filter((message) => message.type === type);
  }
}

const event = (sequence: number): Event => ({
  ...{ sequence, time: sequence, uncertainty: 0, seenBy: 'daemon', from: 'peer', to: 'web', kind: 'x' },
  ...{ evidence: 'packet', level: 'info', summary: '', attributes: {} },
});

function scene(answer: () => Promise<Response> = async () => new Response('[]')) {
  const outbox = new Outbox();
  const states: ChannelState[] = [];
  const got: number[] = [];
  const clocks: unknown[] = [];
  const fetcher = vi.fn((_path: string, _init: RequestInit) => answer());
  let now = 0;
  const channel = new Channel({
    session: { id: 's', token: 't', live: '/api/sessions/s/live' },
    outbox,
    now: () => {
      now += 100;
      return now;
    },
    granularity: 5,
    fetch: fetcher as unknown as typeof fetch,
    openSocket: (path) => new FakeSocket(path) as unknown as WebSocket,
    onState: (state) => states.push(state),
    onEvents: (events) => got.push(...events.map(({ sequence }) => sequence)),
    onSession: () => {},
    onClock: (estimate) => clocks.push(estimate),
    onMessage: () => {},
  });
  const note = () =>
    outbox.push({
      ...{ time: 1, from: 'web', to: 'web', kind: 'k', evidence: 'api' },
      level: 'info',
      summary: '',
      attributes: {},
    });
  channel.open();
  return { channel, outbox, states, got, clocks, fetcher, note };
}

beforeEach(() => {
  FakeSocket.all = [];
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('the channel says hello first, with the token and where the page stands, then what was waiting', () => {
  const { note, states } = scene();
  note();
  FakeSocket.last.open();
  expect(FakeSocket.last.path).toBe('/api/sessions/s/live');
  expect(FakeSocket.last.sent[0]).toEqual({ type: 'hello', token: 't', next: 0 });
  expect(FakeSocket.last.of('events')).toHaveLength(1);
  expect(states).toEqual(['connecting', 'live']);
});

test('events that arise together travel together', async () => {
  const { channel, note } = scene();
  FakeSocket.last.open();
  for (let index = 0; index < 3; index += 1) {
    note();
    channel.flushSoon();
  }
  await vi.advanceTimersByTimeAsync(10);
  expect(FakeSocket.last.of('events').map(({ events }) => (events as unknown[]).length)).toEqual([3]);
});

test('after a break the page asks for what it lacks and sends again what was not acknowledged', async () => {
  const { note, got } = scene();
  FakeSocket.last.open();
  FakeSocket.last.say({ type: 'events', events: [event(0), event(1)] });
  note();
  note();
  FakeSocket.last.close();
  await vi.advanceTimersByTimeAsync(250);
  FakeSocket.last.open();
  expect(FakeSocket.all).toHaveLength(2);
  expect(FakeSocket.last.sent[0]).toEqual({ type: 'hello', token: 't', next: 2 });
  expect(FakeSocket.last.of('events')).toMatchObject([{ events: [{ number: 1 }, { number: 2 }] }]);

  FakeSocket.last.say({ type: 'ack', number: 2 });
  FakeSocket.last.say({ type: 'events', events: [event(1), event(2)] });
  expect(got).toEqual([0, 1, 2]);
});

describe('the clock', () => {
  const pong = (sent: unknown) => ({ type: 'pong', sent: Number(sent), received: 5000, answered: 5000 }) as const;

  test('is measured in the set-up and again when it is quiet, told then, and measured every ten seconds', async () => {
    const { clocks } = scene();
    const socket = FakeSocket.last;
    const burst = () => {
      for (let index = 0; index < 5; index += 1) socket.say(pong(socket.of('ping').at(-1)?.sent));
    };
    socket.open();
    burst();
    expect(socket.of('ping')).toHaveLength(5);
    expect(socket.of('clock')).toHaveLength(0);
    expect(clocks).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(250);
    burst();
    expect(socket.of('ping')).toHaveLength(10);
    expect(socket.of('clock')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    burst();
    expect(socket.of('clock')).toHaveLength(2);
  });

  test('is told as it is when the session ends early', () => {
    const { channel } = scene();
    const socket = FakeSocket.last;
    socket.open();
    for (let index = 0; index < 5; index += 1) socket.say(pong(socket.of('ping').at(-1)?.sent));
    channel.finish();
    expect(socket.of('clock')).toHaveLength(1);
  });
});

describe('without a WebSocket', () => {
  test('messages go by single requests, each with what is not acknowledged', async () => {
    const answers: ToPage[] = [
      { type: 'ack', number: 1 },
      { type: 'events', events: [event(0)] },
    ];
    const { note, fetcher, states, got, outbox, channel } = scene(async () => new Response(JSON.stringify(answers)));
    note();
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(0);
    const [path, init] = fetcher.mock.calls[0] ?? [];
    expect(path).toBe('/api/sessions/s/events?next=0');
    expect(init?.headers).toMatchObject({ Authorization: 'Bearer t' });
    expect(JSON.parse(String(init?.body))).toMatchObject([
      { type: 'events', events: [{ number: 1 }] },
      { type: 'ping' },
    ]);
    expect(outbox.waiting).toEqual([]);
    expect(got).toEqual([0]);
    expect(states.at(-1)).toBe('requests');
    await vi.advanceTimersByTimeAsync(1000);
    expect(fetcher.mock.calls[1]?.[0]).toBe('/api/sessions/s/events?next=1');
    channel.close();
  });

  test('a clock estimate from a request goes out with the next one at once', async () => {
    const { fetcher, channel } = scene(
      async () => new Response(JSON.stringify([{ type: 'pong', sent: 0, received: 5000, answered: 5000 }])),
    );
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(1);
    expect(fetcher.mock.calls.length).toBeGreaterThan(1);
    const second = JSON.parse(String(fetcher.mock.calls[1]?.[1].body));
    expect(second).toMatchObject([{ type: 'clock' }]);
    channel.close();
  });

  test('a WebSocket that hangs half open is not waited for', async () => {
    const { fetcher, channel } = scene();
    await vi.advanceTimersByTimeAsync(2999);
    expect(fetcher).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(fetcher).toHaveBeenCalledOnce();
    channel.close();
  });

  test('a WebSocket that comes up takes over', async () => {
    const { fetcher, states } = scene();
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(300);
    const asked = fetcher.mock.calls.length;
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(5000);
    expect(fetcher.mock.calls.length).toBe(asked);
    expect(states.at(-1)).toBe('live');
  });
});

describe('a daemon that goes away', () => {
  test('is said to be away, and found again', async () => {
    let up = false;
    const { states, channel } = scene(async () => {
      if (!up) throw new TypeError('Failed to fetch');
      return new Response('[]');
    });
    FakeSocket.last.open();
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(states.at(-1)).toBe('away');
    up = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(states.at(-1)).toBe('requests');
    channel.close();
  });

  test('and has forgotten the session when it returns: the session is gone, and no more is tried', async () => {
    const body = JSON.stringify({ code: 'unknown-session', message: 'no' });
    const { states, fetcher } = scene(async () => new Response(body, { status: 404 }));
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(states.at(-1)).toBe('gone');
    const sockets = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(sockets);
    expect(fetcher).toHaveBeenCalledOnce();
  });

  test.each([
    [4404, 'gone'],
    [4401, 'gone'],
    [4410, 'closed'],
  ])('a close with %d is final: %s', async (code, state) => {
    const { states, fetcher } = scene();
    FakeSocket.last.open();
    FakeSocket.last.close(code);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states.at(-1)).toBe(state);
    expect(FakeSocket.all).toHaveLength(1);
    expect(fetcher).not.toHaveBeenCalled();
  });
});
