// Runs end-to-end tests (or the bench) in a network of their own: node web/e2e/run.mjs NAME… | --bench [OPTIONS]
//
// Everything happens inside fresh network, mount and process namespaces that the kernel takes away as a whole when this
// process ends, however it ends: no interface, process or mount stays behind. Without root a user namespace is used.
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SKIPPED = 77;
/** Milliseconds. Tests have time-outs of their own; one that leaves a browser behind would still never end. */
const LONGEST = 15 * 60_000;
const here = dirname(fileURLToPath(import.meta.url));
const enter = [
  ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--net', '--pid', '--fork', '--kill-child'],
  ...(process.getuid() === 0 ? [] : ['--user', '--map-root-user']),
  '--mount-proc',
];

function tests(names) {
  const all = readdirSync(here)
    .filter((file) => file.endsWith('.test.mjs'))
    .sort();
  const wanted = names.length === 0 ? all : names.map((name) => `${name}.test.mjs`);
  const unknown = wanted.filter((file) => !all.includes(file));
  if (unknown.length > 0) {
    console.error(`no such test: ${unknown.join(' ')}; there are: ${all.join(' ')}`);
    process.exit(2);
  }
  return wanted.map((file) => join(here, file));
}

/** Runs one command line inside; resolves to its exit code. */
function inside(words) {
  return new Promise((resolve) => {
    const child = spawn(enter[0], [...enter.slice(1), ...words], { stdio: ['ignore', 'inherit', 'inherit'] });
    // unshare ignores these two itself; its child goes with it.
    const end = () => child.kill('SIGKILL');
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    const late = setTimeout(() => {
      console.error(`still running after ${LONGEST / 60_000} minutes, ended: ${words.at(-1)}`);
      end();
    }, LONGEST);
    child.once('exit', (code) => {
      clearTimeout(late);
      resolve(code ?? 1);
    });
    child.once('error', (error) => {
      console.error(`${enter[0]} could not be started: ${error.message}`);
      resolve(1);
    });
  });
}

const probe = spawnSync(enter[0], [...enter.slice(1), 'ip', 'link', 'add', 'name', 'probe0', 'type', 'veth']);
if (probe.status !== 0) {
  const why = probe.error?.message ?? String(probe.stderr).trim();
  console.error(`SKIPPED: no end-to-end test ran, for this machine allows no network namespaces: ${why}`);
  process.exit(SKIPPED);
}

const [first, ...rest] = process.argv.slice(2);
let code = 0;
if (first === '--bench') {
  code = await inside([process.execPath, join(here, 'bench', 'main.mjs'), ...rest]);
} else {
  // One after another, each in a network of its own: what one leaves behind no other sees.
  for (const file of tests(process.argv.slice(2))) {
    code = Math.max(code, await inside([process.execPath, '--test', '--test-reporter=spec', file]));
  }
}
process.exit(code);
