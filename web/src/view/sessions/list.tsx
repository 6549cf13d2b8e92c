import type { SessionSummary } from '../../generated/SessionSummary';
import { ownSessions } from '../../state/access';
import { openRemembered } from '../../state/open';
import { past } from '../../state/past';
import { shown, store } from '../../state/store';
import { texts } from '../../texts';
import { openedAt } from './banner';

const words = texts.sessions;

/** The sessions that the daemon remembers, newest first. */
export function SessionList() {
  const { sessions, read, scope } = past;
  if (!read.value) return <p class="quiet">{past.problem.value === undefined ? words.loading : ''}</p>;
  if (sessions.value.length === 0) return <p class="quiet">{scope.value === 'own' ? words.noneOwn : words.none}</p>;
  const { column } = words;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard (axe: scrollable-region-focusable)
    <section class="sessions-scroll" tabIndex={0} aria-label={words.list}>
      <table class="sessions-table">
        <thead>
          <tr>
            <th scope="col">{column.opened}</th>
            <th scope="col">{column.outcome}</th>
            <th scope="col">{column.path}</th>
            <th scope="col">{column.lasted}</th>
            <th scope="col">{column.events}</th>
            <th scope="col">{column.open}</th>
          </tr>
        </thead>
        <tbody>
          {sessions.value.map((session) => (
            <Row key={session.id} session={session} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ session }: { session: SessionSummary }) {
  const { id, openedUnixMs, closed, events, verdict } = session;
  const opened = openedAt(openedUnixMs);
  const isShown = idShown() === id;
  const outcome = verdict?.outcome ?? 'pending';
  return (
    <tr data-session={id} data-outcome={outcome} aria-current={isShown || undefined}>
      <th scope="row">
        <time dateTime={new Date(openedUnixMs).toISOString()}>{opened}</time>
        {ownSessions.value.some((own) => own.id === id) && <span class="badge">{words.own}</span>}
      </th>
      <td>
        <span class="session-outcome" data-outcome={outcome}>
          {words.outcome[outcome]}
        </span>
        {closed === null && <span class="quiet"> {words.running}</span>}
      </td>
      <td class="path">
        <span>{pathOf(session)}</span>
      </td>
      <td class="number">{lasted(session)}</td>
      <td class="number">{events}</td>
      <td>
        <button
          type="button"
          aria-label={isShown ? undefined : words.openLong(opened)}
          disabled={isShown}
          onClick={() => void open(id)}
        >
          {isShown ? words.shownNow : words.open}
        </button>
      </td>
    </tr>
  );
}

/** Shows it, above; the reader is taken there. */
async function open(id: string): Promise<void> {
  await openRemembered(id);
  window.scrollTo({ top: 0 });
  document.querySelector<HTMLElement>('#back')?.focus({ preventScroll: true });
}

function idShown(): string | undefined {
  const { origin } = shown.value;
  if (origin.kind === 'remembered') return origin.id;
  // Of one that is over the daemon's record is the last word.
  return origin.kind === 'live' && store.running.value ? store.sessionId.value : undefined;
}

function pathOf({ verdict, closed }: SessionSummary): string {
  if (verdict?.path) {
    const { kind, localCandidateType, remoteCandidateType, protocol, family } = verdict.path;
    return words.path(kind, remoteCandidateType, localCandidateType, protocol, family);
  }
  if (!verdict) return closed?.reason ?? '';
  return [verdict.cause, verdict.summary].filter(Boolean).join(': ');
}

function lasted({ ended }: SessionSummary): string {
  return ended === null || ended === undefined ? words.notLasted : words.lasting(ended / 1_000_000);
}
