// Fails the build when the page's JavaScript is larger than DESIGN §7 allows: 100 KB, gzipped.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const limit = 100 * 1024;
const folder = new URL('../dist/assets', import.meta.url).pathname;
const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
if (scripts.length === 0) {
  console.error(`no JavaScript in ${folder}: the build made nothing to measure`);
  process.exit(1);
}
const total = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0);
console.log(`JavaScript: ${total} bytes gzipped of at most ${limit}`);
if (total > limit) {
  console.error(`the page's JavaScript is ${total - limit} bytes too large: take something out of src/`);
  process.exit(1);
}
