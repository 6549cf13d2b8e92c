// The verdict on the built page: it comes live, and its evidence is one click away.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { openPage } from './scene.mjs';

const timeout = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const verdict = (part) => ({
  ...{ outcome: 'pending', path: null, cause: null, stage: 'checks', side: 'unknown', certainty: 'likely' },
  ...{ summary: 'Checks go through.', advice: '', evidence: [], findings: [], stages: [] },
  ...part,
});

for (const colorScheme of ['light', 'dark']) {
  test(`the verdict stands on top and leads to its evidence (${colorScheme})`, { timeout }, async (t) => {
    const { page, daemon, complaints } = await openPage(t, { colorScheme });
    await page.click('#start');
    await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'playing');
    daemon.tellSession({ verdict: verdict({}) });
    await page.waitForSelector('#verdict[data-outcome=pending]');
    const handle = await page.waitForFunction(() => window.icescope.events().find((one) => one.kind === 'dtls.state'));
    const { sequence: cited } = await handle.jsonValue();
    const found = { cause: 'D1', stage: 'servers', side: 'server', certainty: 'proven', weight: 'harmless' };
    daemon.tellSession({
      verdict: verdict({
        ...{ outcome: 'failed', cause: 'F7', stage: 'dtls', summary: 'Something drops DTLS.' },
        ...{ advice: 'Try a TURN server over TLS.', evidence: [cited] },
        findings: [{ ...found, summary: 'The challenge.', advice: '', evidence: [] }],
      }),
    });
    await page.waitForSelector('#verdict[data-outcome=failed]');
    const [sentence, cards] = await page.evaluate(() => [
      document.querySelector('#verdict').textContent,
      [...document.querySelectorAll('main .card')].map((card) => card.id),
    ]);
    assert.match(sentence, /Failed.*Something drops DTLS\..*Try a TURN server over TLS\..*icescope explain F7/);
    assert.equal(cards[0], 'verdict', 'it is the first card');
    await page.fill('input[type=search]', 'nothing has this');
    await page.click('#why');
    const row = page.locator(`[data-sequence="${cited}"][data-cited]`);
    await row.waitFor({ state: 'visible' });
    assert.equal(await page.locator('#timeline [data-cited]').count(), 1);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run('#verdict'));
    assert.deepEqual(
      violations.map(({ id }) => id),
      [],
    );
    assert.deepEqual(complaints, []);
  });
}
