import type { Finding } from '../generated/Finding';
import type { Verdict } from '../generated/Verdict';
import { store } from '../state/store';
import { texts } from '../texts';

const words = texts.verdict;

/** What the diagnosis concludes, in a sentence, with the one thing to change and the way to what shows it. */
export function VerdictCard() {
  const verdict = store.session.value?.verdict;
  return <div role="status">{verdict && <Card verdict={verdict} />}</div>;
}

function Card({ verdict }: { verdict: Verdict }) {
  const { outcome, cause, certainty, side, findings } = verdict;
  return (
    <section id="verdict" class="card verdict" data-outcome={outcome} aria-labelledby="verdict-title">
      <h2 id="verdict-title">
        <span class="quiet">{words.title}: </span>
        {words.outcome[outcome]}
      </h2>
      <p class="summary">{verdict.summary}</p>
      {verdict.advice !== '' && (
        <p class="advice">
          <strong>{words.change}</strong> {verdict.advice}
        </p>
      )}
      <p class="grounds">
        {verdict.evidence.length > 0 && (
          <button type="button" id="why" onClick={() => store.timeline.cite(verdict.evidence)}>
            {words.why}
          </button>
        )}
        {cause !== null && (
          <span class="quiet">
            {words.certainty[certainty]}, {words.side[side]}; <code>{words.explain(cause)}</code>
          </span>
        )}
      </p>
      {findings.length > 0 && (
        <details>
          <summary>{words.findings(findings.length)}</summary>
          <ul>
            {findings.map((finding) => (
              <Found key={`${finding.cause} ${finding.summary}`} finding={finding} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Found({ finding }: { finding: Finding }) {
  return (
    <li data-weight={finding.weight}>
      <button
        type="button"
        class="cause"
        aria-label={words.whyOf(finding.cause)}
        onClick={() => store.timeline.cite(finding.evidence)}
      >
        {finding.cause}
      </button>{' '}
      <span class="badge">{words.weight[finding.weight]}</span> {finding.summary}{' '}
      {finding.weight !== 'harmless' && <span class="quiet">{finding.advice}</span>}
    </li>
  );
}
