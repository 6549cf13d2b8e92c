import { useRef, useState } from 'preact/hooks';
import type { Outcome } from '../generated/Outcome';
import type { ProbeRun } from '../generated/ProbeRun';
import type { ProbeState } from '../generated/ProbeState';
import type { ProbeStep } from '../generated/ProbeStep';
import type { Report } from '../generated/Report';
import { asked, isRunning, probes, refusals, runAgain } from '../state/probes';
import { texts } from '../texts';
import { time } from './format';
import { Value } from './value';

/** What measures: each probe with what it found, its steps as they come, and a button to run it again. */
export function Probes() {
  if (probes.value.length === 0) return null;
  return (
    <section id="probes" class="card probes" aria-labelledby="probes-title">
      <h2 id="probes-title">{texts.probes.title}</h2>
      {probes.value.map((probe) => (
        <Probe key={probe.instance} probe={probe} />
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
        <Past past={past} />
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

/** The last runs, oldest first, as a row of marks. */
function Past({ past }: { past: ProbeState['past'] }) {
  if (past.length < 2) return null;
  const words = past.map(({ outcome }) => texts.probes.state[outcome ?? 'not-run']);
  return (
    <span class="past" role="img" aria-label={texts.probes.past(words)} title={texts.probes.past(words)}>
      {past.map(({ id, outcome }) => (
        <i key={id} data-outcome={outcome ?? 'not-run'} />
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
