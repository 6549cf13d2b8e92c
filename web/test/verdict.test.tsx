import { render } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../src/generated/Event';
import type { Verdict } from '../src/generated/Verdict';
import { clearSession, store } from '../src/state/store';
import { EVERYTHING } from '../src/state/timeline';
import { VerdictCard, verdictText } from '../src/view/verdict';

const VERDICT: Verdict = {
  ...{ outcome: 'failed', path: null, cause: 'D2', stage: 'servers', side: 'server', certainty: 'proven' },
  summary: 'The TURN server answered 401.',
  advice: 'Correct the credentials.',
  evidence: [3, 5],
  findings: [
    {
      ...{ cause: 'D1', stage: 'servers', side: 'server', certainty: 'proven', weight: 'harmless' },
      ...{ summary: 'The challenge.', advice: 'Nothing needs to change.', evidence: [2] },
    },
  ],
  stages: [],
};

const event = (sequence: number, kind: string): Event => ({
  ...{ sequence, time: sequence, uncertainty: 0, seenBy: 'daemon', from: 'web', to: 'peer', kind },
  ...{ evidence: 'packet', level: 'info', summary: kind, attributes: {} },
});

const session = (verdict: Verdict | null) => ({
  ...{
    id: 's',
    openedUnixMs: 0,
    state: 'connecting' as const,
    closed: null,
    events: 0,
    ended: null,
    eventsDropped: 0,
    uplink: null,
  },
  verdict,
});

const settle = () => new Promise((resolve) => setTimeout(resolve));
let root: HTMLElement;

beforeEach(() => {
  root = document.createElement('div');
  document.body.append(root);
  render(<VerdictCard />, root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  clearSession();
});

test('before there is a verdict its place is kept, and concludes nothing', async () => {
  expect(root.querySelector('#verdict')?.getAttribute('data-outcome')).toBe('none');
  store.session.value = session(null);
  await settle();
  expect(root.querySelector('#verdict')?.getAttribute('data-outcome')).toBe('none');
  expect(root.querySelector('button')).toBeNull();
});

test('it is copied as text with all that it says', () => {
  expect(verdictText(VERDICT, 'a1b2')).toBe(
    [
      'icescope: Failed. The TURN server answered 401.',
      'To change: Correct the credentials.',
      'D2: proven, at a server; icescope explain D2',
      'harmless D1: The challenge.',
      'Session a1b2',
    ].join('\n'),
  );
});

test('the sentence, the one thing to change, how sure it is and what else was found', async () => {
  store.session.value = session(VERDICT);
  await settle();
  expect(root.querySelector('#verdict')?.getAttribute('data-outcome')).toBe('failed');
  for (const words of ['Failed', 'answered 401', 'Correct the credentials.', 'proven, at a server', 'explain D2'])
    expect(root.textContent).toContain(words);
  expect(root.querySelector('details summary')?.textContent).toBe('1 more finding');
  // What is harmless needs no advice.
  expect(root.querySelector('li')?.textContent).not.toContain('Nothing needs to change');
});

test('«show me why» shows the events whatever the filter was, statistics only if one is among them', async () => {
  const { timeline } = store;
  timeline.add([event(3, 'turn.allocate.error'), event(5, 'stats')]);
  timeline.filter.value = { ...EVERYTHING, text: 'nothing has this' };
  store.session.value = session(VERDICT);
  await settle();
  root.querySelector<HTMLButtonElement>('#why')?.click();
  expect(timeline.filter.value).toEqual({ ...EVERYTHING, stats: true });
  expect([...timeline.cited.value]).toEqual([3, 5]);
  expect(timeline.open.value).toBe(3);
  root.querySelector<HTMLButtonElement>('li button')?.click();
  expect([...timeline.cited.value]).toEqual([2]);
  expect(timeline.filter.value.stats).toBe(false);
});
