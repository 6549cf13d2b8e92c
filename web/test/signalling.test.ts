import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RequestError, retryAfterOf } from '../src/api';
import { Resource } from '../src/rtc/resource';
import { candidatesOf, placeOf, writeFragment } from '../src/rtc/sdpfrag';
import { Trickle } from '../src/rtc/trickle';

const SESSION = { id: 'abc', token: 'secret' };
const SDP = [
  'v=0',
  'a=group:BUNDLE 0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
  'c=IN IP4 0.0.0.0',
  'a=candidate:1 1 udp 2113937151 192.0.2.7 4711 typ host generation 0 ufrag 8hhY',
  'a=ice-ufrag:8hhY',
  'a=ice-pwd:asd88fgpdd777uzjYhagZg',
  'a=mid:v0',
  '',
].join('\r\n');

interface Sent {
  path: string;
  init: RequestInit & { headers: Record<string, string> };
}

/** Answers each request with the next response, and keeps what was asked. */
function fakeFetch(...responses: (Response | Error)[]) {
  const sent: Sent[] = [];
  const fetcher = (async (path: string, init: Sent['init']) => {
    sent.push({ path, init });
    const response = responses.shift();
    if (response instanceof Response) return response;
    throw response ?? new Error('one request more than expected');
  }) as unknown as typeof fetch;
  return { fetcher, sent };
}

const created = (headers: Record<string, string> = { Location: '/whep/sessions/k', ETag: '"g1"' }) =>
  new Response('v=0 answer', { status: 201, headers });
const refused = (status: number, code: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ code, message: `because ${code}` }), { status, headers });

async function answered(...more: Response[]) {
  const { fetcher, sent } = fakeFetch(created(), ...more);
  const resource = new Resource(fetcher, '/whep', SESSION);
  await resource.offer(SDP);
  return { resource, sent };
}

describe('an offer', () => {
  test('goes out as SDP with the session’s header, and its answer is read', async () => {
    const { fetcher, sent } = fakeFetch(created());
    const resource = new Resource(fetcher, '/whep/bars', SESSION);
    const answer = await resource.offer(SDP);
    expect(sent[0]?.path).toBe('/whep/bars');
    expect(sent[0]?.init.method).toBe('POST');
    expect(sent[0]?.init.headers).toMatchObject({
      'Content-Type': 'application/sdp',
      'Icescope-Session': 'abc.secret',
    });
    expect(sent[0]?.init.body).toBe(SDP);
    expect(answer).toEqual({ sdp: 'v=0 answer', status: 201, location: '/whep/sessions/k', etag: '"g1"' });
  });

  test('refused with 503 tells the reason and when to come again', async () => {
    const { fetcher } = fakeFetch(refused(503, 'source-starting', { 'Retry-After': '2' }));
    const offer = new Resource(fetcher, '/whep', SESSION).offer(SDP);
    await expect(offer).rejects.toMatchObject({
      status: 503,
      code: 'source-starting',
      message: 'because source-starting',
      retryAfter: 2000,
    });
  });

  test('that nobody answers says so', async () => {
    const { fetcher } = fakeFetch(new TypeError('Failed to fetch'));
    const offer = new Resource(fetcher, '/whep', SESSION).offer(SDP);
    await expect(offer).rejects.toMatchObject({ status: 0, code: 'no-answer' });
    await expect(offer).rejects.toThrow(/POST \/whep .*Failed to fetch/);
  });

  test('answered by something else than the daemon quotes it', async () => {
    const { fetcher } = fakeFetch(new Response('<h1>Bad gateway</h1>', { status: 502 }));
    const offer = new Resource(fetcher, '/whep', SESSION).offer(SDP);
    await expect(offer).rejects.toThrow('POST /whep was answered 502: <h1>Bad gateway</h1>');
  });

  test('answered 201 without a Location cannot be used', async () => {
    const { fetcher } = fakeFetch(created({}));
    await expect(new Resource(fetcher, '/whep', SESSION).offer(SDP)).rejects.toBeInstanceOf(RequestError);
  });
});

describe('a fragment', () => {
  test('goes to the resource with the ETag of its ICE generation', async () => {
    const { resource, sent } = await answered(new Response(null, { status: 204 }));
    expect(await resource.patch('a=ice-ufrag:x\r\n')).toEqual({ outcome: 'added' });
    expect(sent[1]?.path).toBe('/whep/sessions/k');
    expect(sent[1]?.init.headers).toMatchObject({
      'If-Match': '"g1"',
      'Content-Type': 'application/trickle-ice-sdpfrag',
    });
  });

  test.each([412, 428])('for another ICE generation (%d) is stale, not an error', async (status) => {
    const { resource } = await answered(refused(status, 'wrong-generation'));
    expect(await resource.patch('x')).toEqual({ outcome: 'stale', status });
  });

  test('answered 200 brings new credentials and the next ETag', async () => {
    const restart = new Response('a=ice-ufrag:new\r\n', { status: 200, headers: { ETag: '"g2"' } });
    const { resource, sent } = await answered(restart, new Response(null, { status: 204 }));
    expect(await resource.patch('x')).toEqual({ outcome: 'restarted', fragment: 'a=ice-ufrag:new\r\n' });
    await resource.patch('y');
    expect(sent[2]?.init.headers['If-Match']).toBe('"g2"');
  });

  test('refused otherwise tells the reason', async () => {
    const { resource } = await answered(refused(422, 'too-many-candidates'));
    await expect(resource.patch('x')).rejects.toMatchObject({ status: 422, code: 'too-many-candidates' });
  });
});

describe('the end', () => {
  test('is a DELETE, once, that can outlive the page', async () => {
    const { resource, sent } = await answered(new Response(null, { status: 200 }));
    await resource.remove(true);
    await resource.remove(true);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.init).toMatchObject({ method: 'DELETE', keepalive: true });
  });

  test('of what is gone already is no error', async () => {
    const { resource } = await answered(refused(404, 'unknown-session'));
    await expect(resource.remove()).resolves.toBeUndefined();
  });
});

describe('sdpfrag', () => {
  const place = { ufrag: '8hhY', pwd: 'asd88fgpdd777uzjYhagZg', media: 'video', proto: 'UDP/TLS/RTP/SAVPF', mid: 'v0' };

  test('credentials, media section and candidates are found in an SDP', () => {
    expect(placeOf(SDP)).toEqual(place);
    expect(candidatesOf(SDP)).toEqual(['candidate:1 1 udp 2113937151 192.0.2.7 4711 typ host generation 0 ufrag 8hhY']);
    expect(placeOf('v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n')).toBeUndefined();
  });

  test('is written as in RFC 9725, with line ends of CR LF', () => {
    expect(writeFragment({ ...place, candidates: ['candidate:1 1 udp 1 192.0.2.7 9 typ host'], end: true })).toBe(
      [
        'a=ice-ufrag:8hhY',
        'a=ice-pwd:asd88fgpdd777uzjYhagZg',
        'm=video 9 UDP/TLS/RTP/SAVPF 0',
        'a=mid:v0',
        'a=candidate:1 1 udp 1 192.0.2.7 9 typ host',
        'a=end-of-candidates',
        '',
      ].join('\r\n'),
    );
  });
});

describe('trickling', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const place = { ufrag: 'u', pwd: 'p', media: 'video', proto: 'UDP', mid: '0' };

  function trickler(patch = async (_: string) => ({ outcome: 'added' }) as const) {
    const sent: [string[], boolean][] = [];
    const errors: unknown[] = [];
    const patched = vi.fn(patch);
    const trickle = new Trickle({
      patch: patched,
      onSent: (candidates, end) => sent.push([candidates, end]),
      onError: (error) => errors.push(error),
    });
    return { trickle, sent, errors, patched };
  }

  test('nothing is sent before the resource is known, then everything at once', async () => {
    const { trickle, sent } = trickler();
    trickle.add('candidate:1');
    trickle.add('candidate:2');
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent).toEqual([]);
    trickle.ready(place, []);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual([[['candidate:1', 'candidate:2'], false]]);
  });

  test('what arises within 10 ms goes together, with the end', async () => {
    const { trickle, sent } = trickler();
    trickle.ready(place, []);
    trickle.add('candidate:1');
    await vi.advanceTimersByTimeAsync(9);
    trickle.add('candidate:2');
    trickle.add('');
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toEqual([[['candidate:1', 'candidate:2'], true]]);
  });

  test('candidates that went with the offer are not sent again', async () => {
    const { trickle, sent, patched } = trickler();
    trickle.add('candidate:1');
    trickle.ready(place, ['candidate:1']);
    await vi.advanceTimersByTimeAsync(20);
    expect(patched).not.toHaveBeenCalled();
    trickle.add('');
    await vi.advanceTimersByTimeAsync(20);
    expect(sent).toEqual([[[], true]]);
  });

  test('there is one request at a time; what comes meanwhile waits for it', async () => {
    const { trickle, patched } = trickler(
      () => new Promise((resolve) => setTimeout(() => resolve({ outcome: 'added' }), 50)),
    );
    trickle.ready(place, []);
    trickle.add('candidate:1');
    await vi.advanceTimersByTimeAsync(15);
    trickle.add('candidate:2');
    await vi.advanceTimersByTimeAsync(20);
    expect(patched).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(patched).toHaveBeenCalledTimes(2);
    expect(patched.mock.calls[1]?.[0]).toContain('a=candidate:2');
  });

  test('a failure is told, and later candidates are still sent', async () => {
    const { trickle, sent, errors, patched } = trickler();
    patched.mockRejectedValueOnce(new Error('422'));
    trickle.ready(place, []);
    trickle.add('candidate:1');
    await vi.advanceTimersByTimeAsync(20);
    trickle.add('candidate:2');
    await vi.advanceTimersByTimeAsync(20);
    expect(errors).toHaveLength(1);
    expect(sent).toEqual([[['candidate:2'], false]]);
  });
});

test('Retry-After is understood as seconds and as a date', () => {
  const after = (value: string) => retryAfterOf(new Response(null, { headers: { 'Retry-After': value } }), 0);
  expect(after('3')).toBe(3000);
  expect(after('Thu, 01 Jan 1970 00:00:05 GMT')).toBe(5000);
  expect(after('soon')).toBeUndefined();
  expect(retryAfterOf(new Response())).toBeUndefined();
});
