// What the page's pictures say, read from its document: all functions run in the page.
import { readFileSync } from 'node:fs';

/** Events of every second, which the sequence leaves to the plots: as the page's own source names them. */
const KINDS = readFileSync(new URL('../../src/state/figures/kinds.ts', import.meta.url), 'utf8');
const FIGURES = [.../new Set\(\[(.*?)\]\)/s.exec(KINDS)[1].matchAll(/'([^']+)'/g)].map(([, kind]) => kind);

/**
 * The sequence with the events that it was made of, both of one moment; null as long as the picture is behind the events. All of it
 * has to be in the window for that, as the button «All» makes it.
 */
export function readSequence(figures) {
  document.querySelector('#sequence .zoom button:last-child').click();
  const rows = [...document.querySelectorAll('#sequence .item')].map((row) => {
    const { from, to, kind, evidence, sequence, count, outcome } = row.dataset;
    const line = row.querySelector('.shaft');
    return {
      ...{ from, to, kind, evidence, outcome, sequence: Number(sequence), count: Number(count) },
      y: row.transform.baseVal.consolidate().matrix.f,
      ends: line === null ? null : [line.x1.baseVal.value, line.x2.baseVal.value],
    };
  });
  const lanes = Object.fromEntries(
    [...document.querySelectorAll('#sequence .lane-names .lane')].map((lane) => [
      lane.dataset.lane,
      Number.parseFloat(lane.style.left),
    ]),
  );
  const events = window.icescope.events().filter(({ kind }) => !figures.includes(kind));
  const told = document.querySelector('#sequence .count').textContent;
  if (rows.reduce((sum, { count }) => sum + count, 0) !== events.length) return null;
  return { rows, lanes, events, told };
}
readSequence.argument = FIGURES;

/** The boxes with their words, the ways through them, and the servers. */
export function readTopology() {
  const words = (element) => element.textContent.replace(/\s+/g, ' ').trim();
  return {
    boxes: [...document.querySelectorAll('.topology-stage')].map((box) => ({ ...box.dataset, words: words(box) })),
    servers: [...document.querySelectorAll('[data-server]')].map((one) => ({ ...one.dataset, words: words(one) })),
    tracks: [...document.querySelectorAll('.topology-track')].map((track) => ({
      ...track.dataset,
      stations: [...track.querySelectorAll('li')].map(({ dataset }) => ({ ...dataset })),
    })),
  };
}

/** The cells of the matrix with their counters, and the pair that is explained. */
export function readPairs() {
  const cells = [...document.querySelectorAll('.pairs-cell')].map((cell) => {
    const [browser, daemon] = ['browser', 'daemon'].map((end) => {
      const found = new RegExp(`${end} (\\d+)/(\\d+)`).exec(cell.textContent);
      return found === null ? null : { sent: Number(found[1]), answered: Number(found[2]) };
    });
    return { ...cell.dataset, browser, daemon };
  });
  const candidates = [...document.querySelectorAll('[data-candidate]')].map((row) => ({
    ...row.dataset,
    address: row.querySelector('.address').textContent,
  }));
  return { cells, candidates, way: document.querySelector('#pair-way')?.textContent };
}

/** The verdict as it stands there. */
export function readVerdict() {
  const card = document.querySelector('#verdict');
  return {
    outcome: card.dataset.outcome,
    summary: card.querySelector('.summary').textContent,
    words: card.textContent,
  };
}

/**
 * What is wrong with how the page looks, for all that a rule can tell: what is wider than the page, text that is cut though nothing
 * says so, words of the sequence on other words, boxes on boxes.
 */
export function readFaults() {
  const box = (element) => element.getBoundingClientRect();
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll('body *')].filter((one) => box(one).right > innerWidth + 1);
    faults.push(`wider than the page: ${wide.slice(0, 3).map((one) => `${one.tagName}.${one.className}`)}`);
  }
  const meets = (a, b, air) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - air && b.top < a.bottom - air;
  const apart = (what, selector, air = 1) => {
    const boxes = [...document.querySelectorAll(selector)].map((one) => [one.textContent.slice(0, 40), box(one)]);
    boxes.forEach(([name, one], index) => {
      for (const [other, two] of boxes.slice(index + 1)) {
        if (one.width > 0 && meets(one, two, air)) faults.push(`${what} overlap: «${name}», «${other}»`);
      }
    });
  };
  apart('cards', 'main .card');
  apart('boxes of the topology', '.topology-stage');
  apart('lane names', '#sequence .lane-names .lane');
  apart('labels of one way', '.topology-track[data-role="selected"] .label');
  // The box of a text is higher than its letters, in Firefox by more than in Chromium.
  apart('words of the sequence', '#sequence .saying .words', 4);
  for (const button of document.querySelectorAll('button:not(.what button)')) {
    if (button.scrollWidth > button.clientWidth + 1 || button.scrollHeight > button.clientHeight + 1)
      faults.push(`cut: «${button.textContent}»`);
  }
  return faults;
}

/** How far what was seen has moved by itself since the page was opened (Layout Instability, the sum of all shifts), and what moved most. */
export function layoutShift() {
  return new Promise((done) => {
    const name = ({ node, previousRect: was, currentRect: is }) =>
      `${node?.id || node?.className || node?.nodeName} ${was.y}–${was.bottom} → ${is.y}–${is.bottom}`;
    const tell = (entries) => {
      const unasked = entries.filter((entry) => !entry.hadRecentInput).toSorted((a, b) => b.value - a.value);
      done({
        sum: unasked.reduce((total, { value }) => total + value, 0),
        moved: unasked.slice(0, 3).flatMap(({ value, sources }) => [value.toFixed(3), ...sources.map(name)]),
      });
    };
    const observer = new PerformanceObserver((list) => {
      observer.disconnect();
      tell(list.getEntries());
    });
    observer.observe({ type: 'layout-shift', buffered: true });
    // Nothing is told where nothing moved.
    requestIdleCallback(() => tell(observer.takeRecords()), { timeout: 500 });
  });
}
