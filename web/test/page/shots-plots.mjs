// Makes pictures of the plots and of the facts over the picture, for a look by eye: node test/page/shots-plots.mjs FOLDER
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { course } from './figures.mjs';
import { openPage } from './scene.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node test/page/shots-plots.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const looks = [
  ['wide-light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['wide-dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
  ['huge-light', { viewport: { width: 2560, height: 1300 }, colorScheme: 'light' }],
  ['phone-light', { viewport: { width: 390, height: 844 }, colorScheme: 'light' }],
  ['small-dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
];

for (const [name, options] of looks) {
  const ends = [];
  const { page, daemon, complaints } = await openPage({ after: (end) => ends.push(end) }, options);
  const shot = async (what, selector) =>
    page.locator(selector).screenshot({ path: join(folder, `${name}-${what}.png`) });
  await shot('idle', '#plots');
  await page.click('#start');
  await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
  daemon.sawAll(course({ from: 30 }));
  await page.waitForSelector('.plot[data-plot="bitRate"] canvas');
  await page.waitForSelector('[data-fact="bitRate"]');
  await shot('video', 'figure.video');
  await page.hover('.plot[data-plot="jitter"] .plot-canvas', { position: { x: 180, y: 60 } });
  await shot('plots', '#plots');
  await page.mouse.move(0, 0);
  await page.click('#plots .choice >> text=Whole');
  await shot('whole', '#plots');
  await page.click('#plots .choice >> text=Table');
  await shot('table', '#plots');
  console.log(name, await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]), complaints);
  for (const end of ends) await end();
}
