// Firefox: the colour bars, and events of both ends
import assert from 'node:assert/strict';
import test from 'node:test';
import { firefox } from './lib/browser.mjs';
import { layNetwork } from './lib/network.mjs';
import { scene, seeBars, start } from './lib/scene.mjs';

layNetwork();

test('a click on Start shows the seven colours', { timeout: 120_000 }, async (t) => {
  const { page, explained } = await scene(t, { launch: firefox });
  const seen = await explained(start(page));
  assert.equal(seen.mimeType, 'video/VP8');
  await explained(seeBars(page));
  const both = () => {
    const events = window.icescope.events();
    const packet = events.some((event) => event.evidence === 'packet' && event.kind.startsWith('stun.binding.'));
    return packet && events.some((event) => event.seenBy === 'browser' && event.evidence === 'api');
  };
  await explained(page.until('the events of both ends', both));
});
