// CPU and memory of the daemon with all its plugins, at 1, 5 and 20 viewers.
import { setTimeout as sleep } from 'node:timers/promises';
import { ORIGIN } from '../lib/config.mjs';
import { Daemon, viewer } from '../lib/daemon.mjs';
import { cpuSeconds, Program, pss } from '../lib/process.mjs';
import { median, until } from '../lib/until.mjs';

/** Viewers → bar in CPU seconds per viewer and minute, where the product has one. */
const CROWDS = new Map([
  [1, undefined],
  [5, undefined],
  [20, 0.45],
]);
const MEMORY_BAR = 70;
/** Seconds of one window: at 20 viewers some 45 of the kernel's ticks. */
const WINDOW = 3;
/** Until bit rate and allocators have settled. */
const SETTLE = 5;

async function crowd(daemon, count, runs) {
  const program = new Program([viewer, '--url', ORIGIN, '--viewers', String(count)]);
  const connected = async () => {
    if (!program.running) throw new Error(program.output);
    const sessions = await daemon.sessions();
    return sessions.filter((session) => session.state === 'connected').length === count;
  };
  await daemon.explained(until(`${count} viewers are connected`, connected, { seconds: 60, every: 200 }));
  await sleep(SETTLE * 1000);
  const cpu = [];
  const memory = [];
  for (let run = 0; run < runs; run += 1) {
    const [seconds, begin] = [cpuSeconds(daemon.pid), performance.now()];
    await sleep(WINDOW * 1000);
    const minutes = (performance.now() - begin) / 60_000;
    cpu.push((cpuSeconds(daemon.pid) - seconds) / count / minutes);
    memory.push(pss(daemon.pid) / 1e6);
  }
  if (!(await connected())) throw new Error(`viewers were lost on the way\n${program.output}`);
  await program.stop('SIGINT');
  const none = async () => (await daemon.sessions()).every((session) => session.state === 'closed');
  await until('the viewers are gone', none, { seconds: 40, every: 200 });
  return { cpu: median(cpu), memory: median(memory), output: program.output };
}

export async function viewers(runs) {
  // About 1 Mbit/s for each, as the figures that this one stands beside.
  const limits = { 'new-sessions-burst': 1000, 'new-sessions-per-second': 1000, 'source-bit-rate': { max: '1Mbit/s' } };
  const rows = [];
  for (const [count, bar] of CROWDS) {
    const daemon = await Daemon.start({ limits });
    try {
      const { cpu, memory, output } = await crowd(daemon, count, runs);
      const note = output.trim().split('\n').at(-1);
      rows.push({ figure: `CPU per viewer-minute, ${count} viewers`, value: cpu, unit: 's', bar, note });
      rows.push({
        figure: `PSS of all processes, ${count} viewers`,
        value: memory,
        unit: 'MB',
        bar: bar && MEMORY_BAR,
      });
    } finally {
      await daemon.stop();
    }
  }
  return rows;
}
