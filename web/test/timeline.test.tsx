import { render } from 'preact';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../src/generated/Event';
import { store } from '../src/state/store';
import { CAPACITY, EVERYTHING, fits, insert, Timeline } from '../src/state/timeline';
import { TimelineCard } from '../src/view/timeline';

const event = (sequence: number, part: Partial<Event> = {}): Event => ({
  ...{
    sequence,
    time: sequence * 1000,
    uncertainty: 0,
    seenBy: 'daemon',
    from: 'web',
    to: 'peer',
    kind: 'stun.binding.request',
  },
  ...{ evidence: 'packet', level: 'info', summary: 'Binding request', attributes: {} },
  ...part,
});

describe('the order', () => {
  test('is by time, then by sequence: what a browser told late stands where it happened', () => {
    const ordered: Event[] = [];
    insert(ordered, [event(0), event(1), event(2)]);
    insert(ordered, [event(3, { time: 1000 }), event(4, { time: -5 })]);
    expect(ordered.map(({ sequence }) => sequence)).toEqual([4, 0, 1, 3, 2]);
  });
});

describe('the filter', () => {
  test('looks at evidence, at who saw it and at every word, also in the attributes', () => {
    const packet = event(0, { attributes: { transactionId: '8A1F2C' } });
    expect(fits(packet, EVERYTHING)).toBe(true);
    expect(fits(packet, { ...EVERYTHING, evidence: 'api' })).toBe(false);
    expect(fits(packet, { ...EVERYTHING, seenBy: 'browser' })).toBe(false);
    expect(fits(packet, { ...EVERYTHING, text: ' 8a1f ' })).toBe(true);
    expect(fits(packet, { ...EVERYTHING, text: 'turn' })).toBe(false);
  });

  test('shows the statistics of every second only on request', () => {
    for (const kind of ['stats', 'rtp.counters', 'rtp.capture_clock']) {
      const figures = event(0, { kind, evidence: 'api' });
      expect(fits(figures, EVERYTHING), kind).toBe(false);
      expect(fits(figures, { ...EVERYTHING, stats: true }), kind).toBe(true);
    }
  });
});

test('a very long session keeps its set-up and its newest events, and says how many are missing', () => {
  const timeline = new Timeline();
  timeline.add(Array.from({ length: CAPACITY + 50 }, (_, index) => event(index)));
  expect(timeline.events).toHaveLength(CAPACITY);
  expect(timeline.events[999]?.sequence).toBe(999);
  expect(timeline.events[1000]?.sequence).toBe(1050);
  expect(timeline.dropped.value).toBe(50);
});

describe('the table', () => {
  let root: HTMLElement;
  const settle = () => vi.advanceTimersByTimeAsync(200);
  const rows = () => [...root.querySelectorAll<HTMLElement>('#timeline [data-sequence]')];

  beforeEach(async () => {
    vi.useFakeTimers();
    root = document.createElement('div');
    document.body.append(root);
    store.timeline.clear();
    store.timeline.filter.value = EVERYTHING;
    render(<TimelineCard />, root);
  });
  afterEach(() => {
    render(null, root);
    root.remove();
    vi.useRealTimers();
  });

  test('shows each event with its place, its time and its kind of evidence', async () => {
    store.timeline.add([
      event(0, { time: 400 }),
      event(1, { time: 2500, uncertainty: 300, seenBy: 'browser', evidence: 'api' }),
    ]);
    await settle();
    expect(rows()).toHaveLength(2);
    expect(rows()[1]?.dataset).toMatchObject({
      sequence: '1',
      evidence: 'api',
      seenBy: 'browser',
      from: 'web',
      to: 'peer',
    });
    expect(rows()[1]?.textContent).toContain('2.500±0.30');
    expect(rows()[1]?.textContent).toContain('+2.100');
  });

  test('draws a part of 2000 events and tells a screen reader of all', async () => {
    store.timeline.add(Array.from({ length: 2000 }, (_, index) => event(index)));
    await settle();
    expect(rows().length).toBeGreaterThan(20);
    expect(rows().length).toBeLessThan(60);
    expect(root.querySelector('#timeline')?.getAttribute('aria-rowcount')).toBe('2001');
  });

  test('opens the facts of an event by click and by Enter, and closes them by Escape', async () => {
    store.timeline.add([event(0, { attributes: { priority: 77 } }), event(1)]);
    await settle();
    rows()[0]?.click();
    await settle();
    expect(root.querySelector('#details')?.textContent).toContain('priority77');
    rows()[1]?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    await settle();
    expect(root.querySelector('#details')?.textContent).not.toContain('priority');
    rows()[1]?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    await settle();
    expect(root.querySelector('#details')).toBeNull();
  });
});
