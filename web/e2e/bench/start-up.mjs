// From starting the daemon to its first HTTP 200.
import { ORIGIN } from '../lib/config.mjs';
import { Daemon } from '../lib/daemon.mjs';
import { median } from '../lib/until.mjs';

/** The bar of the product, in seconds. */
const BAR = 0.3;

async function once() {
  const begin = performance.now();
  const daemon = new Daemon({});
  for (;;) {
    // Refused until it listens: asked again at once.
    const ok = await fetch(ORIGIN).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) break;
    if (!daemon.program.running || performance.now() - begin > 10_000)
      throw new Error(`it does not serve\n${daemon.log}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const took = (performance.now() - begin) / 1000;
  await daemon.ready();
  const ready = (performance.now() - begin) / 1000;
  await daemon.stop();
  return { took, ready };
}

export async function startUp(runs) {
  const times = [];
  for (let run = 0; run < runs; run += 1) times.push(await once());
  return [
    { figure: 'start to the first HTTP 200', value: median(times.map((one) => one.took)), unit: 's', bar: BAR },
    { figure: 'start to the source being ready', value: median(times.map((one) => one.ready)), unit: 's' },
  ];
}
