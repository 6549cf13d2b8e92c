// A browser with the stand-in daemon, its peer and the page.
import { chromium } from 'playwright-core';
import { FakeDaemon, ORIGIN } from './daemon.mjs';
import { becomePeer } from './peer.mjs';

// Without the first ones Chromium looks for its maker's hosts at every start. The last two let two pages of one machine meet.
const ARGUMENTS = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
  ...['--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection'],
];

/**
 * Opens the page with these options of Playwright's context and these plugins; ends all with the test `t`. `before` may prepare the
 * stand-in daemon; from another `origin` the page is not on the daemon's machine.
 */
export async function openPage(
  t,
  options = {},
  { plugins = [], probes = [], origin = ORIGIN, path = '/', before = () => {} } = {},
) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ARGUMENTS,
    chromiumSandbox: false,
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const peer = await context.newPage();
  await peer.evaluate(becomePeer);
  const daemon = new FakeDaemon(peer);
  daemon.plugins = plugins;
  daemon.probes = probes ?? undefined;
  t.after(() => {
    daemon.over = true;
    return browser.close();
  });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  before(daemon);
  await daemon.install(page, origin);
  await page.goto(origin + path);
  return { page, peer, daemon, complaints, context };
}
