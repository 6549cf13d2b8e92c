// Real browsers, Debian's own, behind one small face: open a page, evaluate in it, wait for it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as playwright } from 'playwright-core';
import puppeteer from 'puppeteer-core';
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

  goto(url) {
    return this.#page.goto(url);
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

  close() {
    return this.#page.close({ runBeforeUnload: false });
  }
}

class Browser {
  constructor(browser, pid, newPage, cleanUp) {
    Object.assign(this, { browser, pid, newPage, cleanUp });
  }

  async open(url) {
    const page = new Page(await this.newPage());
    await page.goto(url);
    return page;
  }

  async close() {
    await this.browser.close();
    this.cleanUp();
  }
}

export async function chromium({ arguments: more = [] } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'icescope-chromium-'));
  const context = await playwright.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: [...CHROMIUM_ARGUMENTS, ...more],
    headless: true,
    chromiumSandbox: false,
  });
  return new Browser(context, undefined, () => context.newPage(), () => rmSync(profile, { recursive: true, force: true }));
}

export async function firefox() {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    env: { ...process.env, HOME: tmpdir() },
    extraPrefsFirefox: { 'media.autoplay.default': 0, 'app.update.enabled': false },
  });
  return new Browser(browser, browser.process()?.pid, () => browser.newPage(), () => {});
}
