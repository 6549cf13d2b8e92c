// Real browsers, Debian's own, behind one small face: open a page, evaluate in it, wait for it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as playwright } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { keepConnections } from './hook.mjs';
import { commandLine, family } from './process.mjs';
import { until } from './until.mjs';

const CHROMIUM = '/usr/bin/chromium';
const FIREFOX = '/usr/bin/firefox-esr';

// Without them Chromium looks for its maker's hosts at every start. No picture of ours needs a GPU.
const CHROMIUM_ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
];

/** A page of either browser. */
class Page {
  #page;
  errors = [];

  constructor(page) {
    this.#page = page;
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  async goto(url, forced = {}) {
    // Two libraries, two names for one thing.
    const before = this.#page.addInitScript ?? this.#page.evaluateOnNewDocument;
    await before.call(this.#page, keepConnections, forced);
    await this.#page.goto(url);
  }

  async click(selector) {
    await this.until(`there is ${selector}`, (wanted) => document.querySelector(wanted) !== null, selector);
    return this.#page.click(selector);
  }

  evaluate(call, argument) {
    return this.#page.evaluate(call, argument);
  }

  /** Waits until `call` answers something truthy in the page, and returns it. */
  until(what, call, argument, options) {
    return until(what, () => this.#page.evaluate(call, argument), options);
  }

  /** Waits until `question`, asked here, answers something truthy, and returns it. */
  untilHere(what, question, options) {
    return until(what, question, options);
  }

  press(key) {
    return this.#page.keyboard.press(key);
  }

  /** Gives the page another size and other colours. */
  async look({ width, height, colorScheme }) {
    if (this.#page.setViewportSize === undefined) {
      await this.#page.setViewport({ width, height });
    } else {
      await this.#page.setViewportSize({ width, height });
      await this.#page.emulateMedia({ colorScheme });
    }
    // Two frames: the observers of sizes have been told then, and what they changed is drawn.
    await this.#page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  /** A picture of the whole page. */
  screenshot(path) {
    return this.#page.screenshot({ path, fullPage: true });
  }

  /** Clicks, and answers the file that the page hands over. Chromium only. */
  async download(selector) {
    const [download] = await Promise.all([this.#page.waitForEvent('download'), this.#page.click(selector)]);
    const content = readFileSync(await download.path());
    return { name: download.suggestedFilename(), content, text: content.toString() };
  }

  /** Chooses a file for an input. Chromium only. */
  choose(selector, { name, content }) {
    return this.#page.setInputFiles(selector, { name, mimeType: 'application/octet-stream', buffer: content });
  }

  /** Calls `told` with the address of each request that the page makes. */
  watchRequests(told) {
    this.#page.on('request', (request) => told(request.url()));
  }

  close() {
    return this.#page.close({ runBeforeUnload: false });
  }
}

class Browser {
  constructor(browser, profile, newPage) {
    this.browser = browser;
    this.profile = profile;
    this.newPage = newPage;
  }

  /** Opens a page; `forced` are settings of all its connections (RTCConfiguration). */
  async open(url, forced) {
    const page = new Page(await this.newPage());
    await page.goto(url, forced);
    return page;
  }

  /** Ends all its processes at once and without a word, as a crash or a power cut does. */
  vanish() {
    for (const pid of family(process.pid).slice(1)) {
      if (!belongsTo(pid, this.profile)) continue;
      for (const one of family(pid)) process.kill(one, 'SIGKILL');
      return;
    }
    throw new Error(`no process of the browser with the profile ${this.profile}`);
  }

  async close() {
    await this.browser.close().catch(() => undefined);
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function belongsTo(pid, profile) {
  try {
    return commandLine(pid).some((word) => word.includes(profile));
  } catch {
    return false;
  }
}

function newProfile(name) {
  return mkdtempSync(join(tmpdir(), `icescope-${name}-`));
}

export async function chromium(args = []) {
  const profile = newProfile('chromium');
  const context = await playwright.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: [...CHROMIUM_ARGUMENTS, ...args],
    headless: true,
    chromiumSandbox: false,
  });
  return new Browser(context, profile, () => context.newPage());
}

export async function firefox() {
  const profile = newProfile('firefox');
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    userDataDir: profile,
    env: { ...process.env, HOME: profile },
    extraPrefsFirefox: { 'media.autoplay.default': 0, 'app.update.enabled': false },
  });
  return new Browser(browser, profile, () => browser.newPage());
}
