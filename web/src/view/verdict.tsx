import type { Finding } from '../generated/Finding';
import type { Verdict } from '../generated/Verdict';
import { isLive, store } from '../state/store';
import { texts } from '../texts';
import { Copy } from './copy';
import { Help } from './help';

const words = texts.verdict;

/** The verdict as plain text, for a ticket or a letter. */
export function verdictText(verdict: Verdict, session: string | undefined): string {
  const { outcome, summary, advice, cause, certainty, side, findings } = verdict;
  const lines = [`${texts.name}: ${words.outcome[outcome]}. ${summary}`];
  if (advice !== '') lines.push(`${words.change} ${advice}`);
  if (cause !== null)
    lines.push(`${cause}: ${words.certainty[certainty]}, ${words.side[side]}; ${words.explain(cause)}`);
  for (const { cause, weight, summary } of findings) lines.push(`${words.weight[weight]} ${cause}: ${summary}`);
  if (session !== undefined) lines.push(words.session(session));
  return lines.join('\n');
}

/** What the diagnosis concludes, in a sentence, with the one thing to change and the way to what shows it. */
export function VerdictCard() {
  const verdict = store.session.value?.verdict;
  return <div role="status">{verdict ? <Card verdict={verdict} /> : <Empty />}</div>;
}

/** Its place, before there is anything to judge. */
function Empty() {
  return (
    <section id="verdict" class="card verdict" data-outcome="none" aria-labelledby="verdict-title">
      <h2 id="verdict-title">{words.title}</h2>
      <p class="summary quiet">{isLive.value ? (store.running.value ? words.soon : words.before) : words.none}</p>
      <p class="before quiet">{words.help[0]}</p>
      <Help lines={words.help} />
    </section>
  );
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
        <Copy text={() => verdictText(verdict, store.session.value?.id)} label={words.copy} />
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
      <Help lines={words.help} />
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
