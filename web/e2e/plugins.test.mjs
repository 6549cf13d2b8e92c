// A plugin that dies while one watches: the page says so, and the picture comes back
import assert from 'node:assert/strict';
import test from 'node:test';
import { receiving } from './lib/hook.mjs';
import { layNetwork } from './lib/network.mjs';
import { commandLine } from './lib/process.mjs';
import { scene, seeBars, start } from './lib/scene.mjs';

layNetwork();

/** Runs in the page: keeps every state that the list of plugins shows from now on. */
function keepStates() {
  const list = document.querySelector('#plugins');
  const states = [];
  window.e2e.states = states;
  const look = () => {
    const state = list.querySelector('[data-plugin="bars"]')?.dataset.state;
    if (state !== states.at(-1)) states.push(state);
  };
  look();
  new MutationObserver(look).observe(list, { subtree: true, childList: true, attributes: true });
}

test('a killed plugin is started again and its viewer goes on', { timeout: 120_000 }, async (t) => {
  const { daemon, page, explained } = await scene(t);
  await explained(start(page));
  await explained(seeBars(page));
  await page.until('the page lists the plugin', () => document.querySelector('#plugins [data-plugin="bars"]') !== null);
  await page.evaluate(keepStates);

  const children = daemon.children.filter((pid) => commandLine(pid).includes('plugin-host'));
  assert.equal(children.length, 1, 'one plugin, one process');
  process.kill(children[0], 'SIGKILL');

  const states = () => {
    const seen = window.e2e.states;
    return seen.length >= 3 && seen.at(-1) === 'ready' && seen;
  };
  const seen = await explained(
    page.until('the page shows the plugin go and come back', states, undefined, { seconds: 30 }),
  );
  assert.equal(seen[0], 'ready');
  assert.ok(seen.includes('backing-off'), `states on the page: ${seen}`);

  const before = await page.evaluate(receiving);
  const moves = async () => (await page.evaluate(receiving)).framesDecoded > before.framesDecoded + 15;
  await explained(page.untilHere('frames are decoded again', moves, { seconds: 30 }));
  await explained(seeBars(page));
  const { plugins } = await daemon.get('/api/plugins');
  assert.equal(plugins.find((plugin) => plugin.name === 'bars').restarts, 1);
  assert.notEqual(daemon.children[0], children[0], 'it is a new process');
  assert.equal(await page.evaluate(() => window.e2e.connections.length), 1, 'the same connection went on');
});
