import { render } from 'preact';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ProbeStep } from '../src/generated/ProbeStep';
import { probes, takeProbes } from '../src/state/probes';
import { Probes } from '../src/view/probes';
import { columnsOf, label, Value, word } from '../src/view/value';
import { PROBE, RUN, STEP } from './page/probes.mjs';

const probe = PROBE;
const step = (summary: string): ProbeStep => ({ ...STEP, summary });
const running = { ...probe, run: { ...RUN, id: 9 } };
const steps = () => probes.value[0]?.run?.steps.map(({ summary }) => summary);

describe('what the live channel tells', () => {
  beforeEach(() => {
    probes.value = [];
    takeProbes({ type: 'probes', probes: [running] });
  });

  test('steps join those that are there, each in its place, and a head leaves them', () => {
    takeProbes({ type: 'probe-steps', instance: 'nat', run: 9, first: 0, steps: [step('a'), step('b')] });
    takeProbes({ type: 'probe-steps', instance: 'nat', run: 9, first: 2, steps: [step('c')] });
    takeProbes({ type: 'probe-steps', instance: 'nat', run: 9, first: 1, steps: [step('b')] });
    takeProbes({ type: 'probes', probes: [{ ...running, reports: [] }] });
    expect(steps()).toEqual(['a', 'b', 'c']);
  });

  test('steps of another run or of a probe that is gone are nobody’s', () => {
    takeProbes({ type: 'probe-steps', instance: 'nat', run: 8, first: 0, steps: [step('late')] });
    takeProbes({ type: 'probe-steps', instance: 'gone', run: 9, first: 0, steps: [step('lost')] });
    expect(steps()).toEqual([]);
    takeProbes({ type: 'probe-steps', instance: 'nat', run: 9, first: 0, steps: [step('a')] });
    takeProbes({ type: 'probes', probes: [{ ...running, run: { ...RUN, id: 10 } }] });
    expect(steps()).toEqual([]);
  });
});

describe('any document', () => {
  test.each([
    [null, 'unknown'],
    [false, 'no'],
    [true, 'yes'],
    [12.34567, '12.346'],
    ['EIM', 'EIM'],
  ])('%s is said as %s', (value, words) => expect(word(value)).toBe(words));

  test('names are written as people do', () => {
    expect([label('public_address'), label('clockResolutionNs')]).toEqual(['public address', 'clock resolution ns']);
  });

  test('alike things make a table, others do not', () => {
    expect(columnsOf([{ a: 1 }, { a: 2, b: [1] }])).toEqual(['a', 'b']);
    expect(columnsOf([{ a: { deep: 1 } }])).toBeUndefined();
    expect(columnsOf([{ a: 1 }, 2])).toBeUndefined();
  });

  test('every fact is there, however deep', () => {
    const root = document.createElement('div');
    const deep = { a: [{ b: { c: [[{ d: 'found' }]] } }], e: [], f: {}, g: [1, 2, null] };
    render(<Value value={deep} />, root);
    const said = root.textContent;
    for (const words of ['found', 'none', '1, 2, unknown']) expect(said).toContain(words);
  });
});

test('a fault that is not there is none, and what is not known stays unknown', () => {
  const root = document.createElement('div');
  render(<Value value={{ nat: null, error: null, list: [{ icmp_error: null, hairpin: null }] }} />, root);
  const cells = [...root.querySelectorAll('td')].map((cell) => cell.textContent);
  expect(cells).toEqual(['unknown', 'none', 'icmp errorhairpinnoneunknown', 'none', 'unknown']);
});

describe('the section', () => {
  test('shows nothing where nothing measures', () => {
    const root = document.createElement('div');
    probes.value = [];
    render(<Probes />, root);
    expect(root.textContent).toBe('');
  });

  test('says why a run could not be, and never calls it failed', () => {
    const root = document.createElement('div');
    const run = { ...RUN, duration: 30_000_000, error: 'the probe «nat» failed: its time was over' };
    probes.value = [{ ...probe, run }];
    render(<Probes />, root);
    const article = root.querySelector('article');
    expect(article?.dataset.state).toBe('not-run');
    expect(article?.textContent).toContain('its time was over');
    expect(article?.querySelector('.past')?.getAttribute('aria-label')).toBe(
      'The last 3 runs: failed in 900 ms, pass in 812 ms, could not run in 30000 ms',
    );
    const bars = [...root.querySelectorAll<HTMLElement>('.past i')].map(({ style }) => style.height);
    expect(bars).toEqual(['27%', '27%', '100%']);
  });
});
