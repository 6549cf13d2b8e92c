// Firefox: the colour bars, and events of both ends: what it tells is as whole as web/README.md says
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

  const told = (kinds) => {
    const events = window.icescope.events().filter((event) => event.seenBy === 'browser');
    const facts = Object.fromEntries(
      kinds.map((kind) => [kind, events.findLast((event) => event.kind === kind)?.attributes]),
    );
    return Object.values(facts).every((attributes) => attributes !== undefined) && facts;
  };
  const kinds = [
    'page.user_agent',
    'page.permissions',
    'dtls.parameters',
    'media.play',
    'media.first_frame',
    'nat.mapping',
  ];
  const facts = await explained(page.until('what Firefox tells beside', told, kinds));
  assert.equal(facts['page.user_agent'].browser, 'Firefox');
  assert.equal(facts['page.permissions']['local-network-access'], 'unknown', 'a name that it does not know');
  assert.equal(facts['media.play'].outcome, 'playing');
  const { dtlsRole, localCertificate, remoteCertificate } = facts['dtls.parameters'];
  assert.equal(dtlsRole, 'client');
  for (const { fingerprintAlgorithm, fingerprint } of [localCertificate, remoteCertificate]) {
    assert.equal(fingerprintAlgorithm, 'sha-256');
    assert.match(fingerprint, /^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/);
  }
  assert.notEqual(localCertificate.fingerprint, remoteCertificate.fingerprint);
  // The page has one STUN server here, the embedded one.
  assert.deepEqual([facts['nat.mapping'].mapping, facts['nat.mapping'].reason], ['unknown', 'too-few-servers']);
});
