// Makes pictures of the page in its main states, for a look by eye: node test/page/shots.mjs FOLDER
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGIN_CRASHED as crashed, PLUGIN as ready } from './plugins.mjs';
import { PROBE, RUN, STEP } from './probes.mjs';
import { openPage } from './scene.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node test/page/shots.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const looks = [
  ['wide-light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['wide-dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
  ['phone-light', { viewport: { width: 390, height: 844 }, colorScheme: 'light' }],
  ['small-dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
];

for (const [name, options] of looks) {
  const ends = [];
  const { page, daemon } = await openPage({ after: (end) => ends.push(end) }, options, { plugins: [ready] });
  const shot = (what) => page.screenshot({ path: join(folder, `${name}-${what}.png`), fullPage: true });
  await shot('idle');
  await page.click('#start');
  await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
  for (const [from, to, kind] of [
    ['web', 'peer', 'stun.binding.request'],
    ['peer', 'web', 'stun.binding.success'],
    ['peer', 'stun', 'stun.binding.request'],
    ['stun', 'peer', 'stun.binding.success'],
    ['peer', 'turn', 'turn.allocate.request'],
    ['turn', 'peer', 'turn.allocate.error'],
  ]) {
    const attributes = { transactionId: '8a1f2c3d4e5f60718293a4b5', priority: 1853824767, source: '192.0.2.1:40000' };
    daemon.saw({
      from,
      to,
      kind,
      evidence: 'packet',
      level: kind.endsWith('error') ? 'warn' : 'info',
      attributes,
      summary: `${kind} 192.0.2.1:40000 → 192.0.2.2:50000`,
    });
  }
  daemon.tellPlugins([ready, crashed]);
  daemon.tellProbes([PROBE, { ...PROBE, instance: 'stun', run: RUN }]);
  daemon.tellSteps('stun', RUN.id, 0, [STEP, STEP]);
  await page.click('[data-probe="nat"] .report > summary');
  await page.click('#uplink');
  await page.waitForFunction(() => window.icescope.events().some((event) => event.kind === 'stats'));
  const uplink = {
    mimeType: 'video/VP8',
    packetsReceived: 900,
    packetsLost: 2,
    bytesReceived: 1e6,
    framesReceived: 240,
    keyFramesReceived: 3,
    frameWidth: 640,
    frameHeight: 480,
    jitter: 0.001,
    framesPerSecond: 14.9,
    bitsPerSecond: 812_000,
  };
  while (!daemon.requests.includes('POST /whip')) await page.waitForEvent('requestfinished');
  daemon.tellSession({ uplink });
  await page.click('#timeline [data-kind="stun.binding.request"]');
  await page.waitForSelector('#uplink-stats[data-frames="240"]');
  await shot('playing');
  console.log(
    name,
    await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
      JSON.stringify(window.icescope.times),
    ]),
  );
  daemon.away = true;
  daemon.breakSockets();
  await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'away');
  await shot('away');
  for (const end of ends) await end();
}
