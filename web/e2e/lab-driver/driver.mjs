// A browser that another program drives: node driver.mjs (chromium | firefox) [ARGUMENTS of Chromium…]
//
// One request per line on standard input, one answer per line on standard output: {id, do, …} → {id, ok} or {id, error}. Several
// pages may be open, and requests of several pages under way, at a time. The browser ends with this process, and this process
// with its input.
import { createInterface } from 'node:readline';
import { chromium, firefox } from '../lib/browser.mjs';
import { keepConnections } from '../lib/hook.mjs';
import { until } from '../lib/until.mjs';
import { keepVerdicts } from './verdicts.mjs';

const [kind, ...args] = process.argv.slice(2);
// A proxy of the environment would be one more way round for signalling.
const browser = kind === 'firefox' ? await firefox() : await chromium(['--no-proxy-server', ...args]);
const pages = new Map();

const requests = {
  /** Opens a page; `forced` as lib/hook.mjs has it, `script` runs before the page's own, `permissions` are granted to its origin. */
  async open({ url, forced = {}, script, permissions = [] }) {
    const origin = new URL(url).origin;
    if (permissions.length > 0) await browser.browser.grantPermissions(permissions, { origin });
    const page = await browser.newPage();
    // Each error once: one that every event brings on again would fill the memory.
    const errors = new Set();
    page.on('pageerror', (error) => errors.add(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.add(message.text()));
    // Two libraries, two names for one thing.
    const before = page.addInitScript ?? page.evaluateOnNewDocument;
    await before.call(page, keepConnections, forced);
    await before.call(page, keepVerdicts);
    if (script) await before.call(page, script);
    await page.goto(url);
    const number = pages.size + 1;
    pages.set(number, { page, errors });
    return number;
  },

  /** Presses what `selector` names, once it is there. */
  async click({ page, selector, seconds }) {
    const one = pages.get(page).page;
    await until(`there is ${selector}`, () => one.$(selector), { seconds });
    await one.click(selector);
  },

  /** The value of an expression; a promise is awaited. */
  evaluate: ({ page, expression }) => pages.get(page).page.evaluate(expression),

  /** The value of an expression, once it is truthy. */
  until: ({ page, expression, seconds }) =>
    until(expression, () => pages.get(page).page.evaluate(expression), { seconds, every: 100 }),

  /** What the page's console said of errors. */
  errors: ({ page }) => [...pages.get(page).errors],

  async screenshot({ page, path }) {
    await pages.get(page).page.screenshot({ path, fullPage: true });
  },

  async close({ page }) {
    await pages.get(page).page.close({ runBeforeUnload: false });
    pages.get(page).page = null;
  },

  /** Ends all of the browser's processes at once and without a word, as a crash or a power cut does. */
  vanish: () => browser.vanish(),
};

function say(words) {
  process.stdout.write(`${JSON.stringify(words)}\n`);
}

async function answer({ id, do: name, ...request }) {
  try {
    say({ id, ok: (await requests[name](request)) ?? null });
  } catch (error) {
    say({ id, error: String(error?.message ?? error) });
  }
}

const under = new Set();
say({ id: 0, ok: 'ready' });
for await (const line of createInterface({ input: process.stdin })) {
  const one = answer(JSON.parse(line)).finally(() => under.delete(one));
  under.add(one);
}
await browser.close();
// Waits that are still under way would outlast the browser.
process.exit(0);
