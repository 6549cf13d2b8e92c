import { useRef, useState } from 'preact/hooks';
import type { Outcome } from '../generated/Outcome';
import type { ProbeRun } from '../generated/ProbeRun';
import type { ProbeState } from '../generated/ProbeState';
import type { ProbeStep } from '../generated/ProbeStep';
import type { Report } from '../generated/Report';
import { asked, isRunning, probes, refusals, runAgain } from '../state/probes';
import { shown } from '../state/store';
import { texts } from '../texts';
import { time } from './format';
import { Help } from './help';
import { Value } from './value';

/** Of the longest run's bar: the shortest is seen, too. Per cent. */
const SHORTEST_BAR = 25;

/** What measures: each probe with what it found, its steps as they come, and a button to run it again. */
export function Probes() {
  const kept = shown.value.reports.value;
  if (kept !== undefined) return <Kept reports={kept} />;
  if (probes.value.length === 0) return null;
  return (
    <section id="probes" class="card probes" aria-labelledby="probes-title">
      <h2 id="probes-title">{texts.probes.title}</h2>
      <Help lines={texts.probes.help} />
      {probes.value.map((probe) => (
        <Probe key={probe.instance} probe={probe} />
      ))}
    </section>
  );
}

/** What the probes had found when a session was that is not the page's own. */
function Kept({ reports }: { reports: readonly Report[] }) {
  if (reports.length === 0) return null;
  return (
    <section id="probes" class="card probes" aria-labelledby="probes-title">
      <h2 id="probes-title">{texts.sessions.reports}</h2>
      {reports.map((report) => (
        <ReportView key={`${report.schema} ${report.subject} ${report.unixMs}`} report={report} />
      ))}
    </section>
  );
}

function Probe({ probe }: { probe: ProbeState }) {
  const { instance, run, reports, past } = probe;
  const words = texts.probes;
  const running = isRunning(probe);
  const refusal = refusals.value[instance];
  return (
    <article class="probe" data-probe={instance} data-state={stateOf(run)} aria-labelledby={`probe-${instance}`}>
      <div class="head">
        <h3 id={`probe-${instance}`}>{instance}</h3>
        <span class="quiet">{probe.probe}</span>
        <OutcomeTag state={stateOf(run)} />
        {run !== null && <span class="quiet">{words.ran(run.trigger, new Date(run.startedUnixMs), run.duration)}</span>}
        <Past past={past} run={run} />
        <button type="button" class="plain" disabled={running} onClick={() => void runAgain(instance)}>
          {running ? words.running : words.run}
          <span class="hidden"> {instance}</span>
        </button>
      </div>
      {refusal !== undefined && (
        <p class="bad" role="status">
          {words.refused(refusal)}
        </p>
      )}
      {run?.error && <p class="bad">{run.error}</p>}
      {reports.map((report) => (
        <ReportView key={`${report.schema} ${report.subject}`} report={report} />
      ))}
      {run !== null && (running || run.steps.length > 0) && <Steps run={run} running={running} />}
    </article>
  );
}

type State = Outcome | 'running' | 'not-run' | 'never';

function stateOf(run: ProbeRun | null): State {
  if (run === null) return 'never';
  if (run.duration === null) return 'running';
  return run.outcome ?? 'not-run';
}

function OutcomeTag({ state }: { state: State }) {
  return (
    <span class="outcome" data-outcome={state}>
      {texts.probes.state[state]}
    </span>
  );
}

/** The last runs, oldest first: how each turned out is its bar's colour, how long it took its height. */
function Past({ past, run }: Pick<ProbeState, 'past' | 'run'>) {
  const ended = run !== null && run.duration !== null ? [{ ...run, duration: run.duration }] : [];
  const runs = [...past, ...ended];
  if (runs.length < 2) return null;
  const longest = Math.max(...runs.map(({ duration }) => duration), 1);
  const words = runs.map(({ outcome, duration }) =>
    texts.probes.took(texts.probes.state[outcome ?? 'not-run'], duration),
  );
  return (
    <span class="past" role="img" aria-label={texts.probes.past(words)} title={texts.probes.past(words)}>
      {runs.map(({ id, outcome, duration }) => (
        <i
          key={id}
          data-outcome={outcome ?? 'not-run'}
          style={{ height: `${Math.round(SHORTEST_BAR + (100 - SHORTEST_BAR) * (duration / longest))}%` }}
        />
      ))}
    </span>
  );
}

function ReportView({ report }: { report: Report }) {
  const { schema, subject, outcome, unixMs, document } = report;
  const title = texts.probes.schema[schema as keyof typeof texts.probes.schema] ?? schema;
  const summary = (document as { summary?: unknown } | null)?.summary;
  return (
    <details class="report" data-schema={schema} data-subject={subject}>
      <summary>
        <strong>
          {title} {subject}
        </strong>{' '}
        <OutcomeTag state={outcome} /> {typeof summary === 'string' && <span class="words">{summary}</span>}
      </summary>
      <p class="quiet">{texts.probes.made(new Date(unixMs))}</p>
      <div class="document">
        <Value value={document} />
      </div>
    </details>
  );
}

/** The steps of a run: unfolded by themselves for one that was asked for here or seen to go on. */
function Steps({ run, running }: { run: ProbeRun; running: boolean }) {
  const [chosen, choose] = useState<boolean | undefined>(undefined);
  const watched = useRef<number | undefined>(undefined);
  if (running || asked.value.has(run.id)) watched.current = run.id;
  const open = chosen ?? watched.current === run.id;
  const words = texts.probes;
  const { steps, stepsDropped } = run;
  return (
    <details
      class="steps"
      open={open}
      onToggle={(event) => {
        if (event.currentTarget.open !== open) choose(event.currentTarget.open);
      }}
    >
      <summary>{words.steps(steps.length, stepsDropped)}</summary>
      {open && (
        <ol>
          {steps.map((step, index) => (
            <Step key={index} step={step} />
          ))}
        </ol>
      )}
    </details>
  );
}

function Step({ step }: { step: ProbeStep }) {
  const { from, to, evidence, summary, outcome, level, schema } = step;
  return (
    <li data-evidence={evidence} data-level={level} title={schema}>
      <span class="time">{time(step.time)}</span>
      <span class="lanes" data-lane={to}>
        {texts.lane[from]}
        {to !== from && ` → ${texts.lane[to]}`}
      </span>
      <span class="words">
        {summary} {outcome !== null && <OutcomeTag state={outcome} />}
      </span>
    </li>
  );
}
