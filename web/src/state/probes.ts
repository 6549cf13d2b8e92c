import { effect, signal } from '@preact/signals';
import { type ProbeNews, type ProbesKey, RequestError, readProbes, runProbe } from '../api';
import type { ProbeState } from '../generated/ProbeState';
import type { ProbeStep } from '../generated/ProbeStep';
import { texts } from '../texts';
import { adminToken, mayOversee } from './access';
import { environment } from './environment';
import { store } from './store';

/** How often the probes are read while no live channel tells of them: seldom while nothing runs. */
const EVERY_MS = 5000;
const RUNNING_MS = 700;

/** The probes as far as they are known; a run's steps come with it. */
export const probes = signal<readonly ProbeState[]>([]);
/** Why a run that was asked for did not begin, by probe. */
export const refusals = signal<Readonly<Record<string, string>>>({});

/** The runs that were asked for here, by their numbers. */
export const asked = signal<ReadonlySet<number>>(new Set());

/** Takes in what a live channel tells. */
export function takeProbes(news: ProbeNews): void {
  if (news.type === 'probes') {
    const known = probes.value;
    probes.value = news.probes.map((probe) => withSteps(probe, known));
    return;
  }
  const { instance, run, first, steps } = news;
  probes.value = probes.value.map((probe) =>
    probe.instance === instance && probe.run?.id === run
      ? { ...probe, run: { ...probe.run, steps: joined(probe.run.steps, first, steps) } }
      : probe,
  );
}

/** A head comes without the steps that the page has got already. */
function withSteps(probe: ProbeState, known: readonly ProbeState[]): ProbeState {
  const before = known.find(({ instance }) => instance === probe.instance)?.run;
  if (probe.run === null || before?.id !== probe.run.id) return probe;
  return { ...probe, run: { ...probe.run, steps: before.steps } };
}

/** Steps that come twice, after a break of the channel, take their own places. */
function joined(steps: readonly ProbeStep[], first: number, more: readonly ProbeStep[]): ProbeStep[] {
  return [...steps.slice(0, first), ...more, ...steps.slice(first + more.length)];
}

export function isRunning(probe: ProbeState): boolean {
  return probe.run !== null && probe.run.duration === null;
}

/** Asks for a run; what comes of it is told like any other. */
export async function runAgain(instance: string): Promise<void> {
  const { [instance]: _, ...others } = refusals.value;
  refusals.value = others;
  try {
    const { run } = await runProbe(environment.fetch, instance, key());
    asked.value = new Set(asked.value).add(run);
    wake?.();
  } catch (error) {
    refusals.value = { ...others, [instance]: texts.describe(error) };
  }
}

/** What opens the daemon's door for a page that is not on its machine. */
function key(): ProbesKey {
  return { session: store.running.value ? store.sessionKey.value : undefined, admin: adminToken.value };
}

/** Whether the door may be open; elsewhere the daemon would refuse, and the browser's console would say so. */
function mayKnock(): boolean {
  return mayOversee() || key().session !== undefined;
}

let wake: (() => void) | undefined;

/** Keeps the probes fresh while no live channel tells of them. */
export function watchProbes(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading = false;
  // While a session comes up nothing else is asked for.
  const told = () => store.running.value && store.channel.value !== 'requests';
  const read = async () => {
    clearTimeout(timer);
    if (reading || told() || !mayKnock()) return;
    reading = true;
    try {
      const read = (await readProbes(environment.fetch, key())).probes;
      if (!told()) probes.value = read;
    } catch (error) {
      // From elsewhere only a page with a session may see them: asking again would change nothing, and what it was told stays.
      if (!(error instanceof RequestError) || (error.status >= 400 && error.status < 500)) return;
    } finally {
      reading = false;
    }
    if (!told()) timer = setTimeout(read, probes.value.some(isRunning) ? RUNNING_MS : EVERY_MS);
  };
  wake = () => void read();
  effect(() => {
    clearTimeout(timer);
    if (!told() && mayKnock()) void read();
  });
}
