import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Note } from '../src/rtc/recorder';
import { Sampler } from '../src/rtc/sampler';
import type { Stat } from '../src/rtc/stats';

const connected: Stat = { id: 'T', type: 'transport', timestamp: 0, dtlsState: 'connected', dtlsRole: 'client' };

function sampling() {
  const stats = { list: [] as Stat[] };
  const getStats = vi.fn(async () => new Map(stats.list.map((entry) => [entry.id, entry])));
  const notes: Note[] = [];
  const held: (() => void)[] = [];
  const pc = { getStats, localDescription: null, remoteDescription: null } as unknown as RTCPeerConnection;
  const sampler = new Sampler(pc, {
    record: (note) => notes.push(note),
    onPair: () => {},
    onFigures: () => {},
    later: (what) => held.push(what),
  });
  const release = () => {
    for (const what of held.splice(0)) what();
  };
  return { sampler, stats, getStats, notes, release };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('changes of state are followed by one reading, and not while a set-up holds it back', async () => {
  const { sampler, getStats, release } = sampling();
  sampler.soon();
  sampler.soon();
  await vi.advanceTimersByTimeAsync(1000);
  expect(getStats).not.toHaveBeenCalled();
  release();
  await vi.advanceTimersByTimeAsync(0);
  expect(getStats).toHaveBeenCalledOnce();
});

test('two readings for changes of state are not nearer than 200 ms', async () => {
  const { sampler, getStats, release } = sampling();
  for (let change = 0; change < 2; change += 1) {
    sampler.soon();
    release();
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(getStats).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(199);
  expect(getStats).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(getStats).toHaveBeenCalledTimes(2);
});

test('after the end nothing is read', async () => {
  const { sampler, getStats, release } = sampling();
  sampler.soon();
  sampler.stop();
  release();
  await vi.advanceTimersByTimeAsync(1000);
  expect(getStats).not.toHaveBeenCalled();
});

test('what DTLS agreed on is told once, and again only if it is another', async () => {
  const { sampler, stats, notes } = sampling();
  const told = () => notes.filter((note) => note.kind === 'dtls.parameters').map((note) => note.attributes?.dtlsCipher);
  const read = async (...list: Stat[]) => {
    stats.list = list;
    sampler.sample();
    await vi.advanceTimersByTimeAsync(0);
  };
  await read({ ...connected, dtlsState: 'connecting' });
  expect(told()).toEqual([]);
  await read({ ...connected, dtlsCipher: 'A' });
  await read({ ...connected, dtlsCipher: 'A', timestamp: 9 });
  await read({ ...connected, dtlsCipher: 'B' });
  expect(told()).toEqual(['A', 'B']);
});
