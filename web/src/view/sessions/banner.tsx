import { backToLive, followProblem, openProblem } from '../../state/open';
import { isGrowing, isLive, shown, store } from '../../state/store';
import { texts } from '../../texts';

const words = texts.sessions.banner;

/** Says that the views show another session than the page's own, which one, and the way back. */
export function Banner({ withBack = true }: { withBack?: boolean }) {
  return (
    <div role="status">
      {!isLive.value && (
        <section id="shown" class="card shown-banner" data-origin={shown.value.origin.kind} aria-label={words.label}>
          <div class="what">
            <p>
              <strong>{title()}</strong>
            </p>
            <p class="quiet">{remarks().join(' ')}</p>
          </div>
          {withBack && (
            <button type="button" id="back" onClick={backToLive}>
              {words.back}
            </button>
          )}
        </section>
      )}
    </div>
  );
}

function title(): string {
  const { origin, session } = shown.value;
  const opened = openedAt(session.value?.openedUnixMs ?? 0);
  if (origin.kind === 'imported') return words.imported(origin.file, opened);
  return isGrowing.value ? words.followed(opened) : words.remembered(opened);
}

function remarks(): string[] {
  const { origin, redacted } = shown.value;
  const followed = followProblem.value;
  return [
    ...(origin.kind === 'remembered' && origin.shared ? [words.shared] : []),
    ...(origin.kind === 'imported' && origin.format === 'webrtc-internals' ? [words.internals] : []),
    ...(redacted.value ? [words.redacted] : []),
    ...(followed === undefined ? [] : [words[followed]]),
    ...(isGrowing.value ? [] : [words.noPicture]),
    ...(store.running.value ? [words.meanwhile] : []),
  ];
}

/** Why the session that a link or the list names is not shown. */
export function OpenProblem() {
  const problem = openProblem.value;
  return (
    <div role="alert">
      {problem && (
        <section id="open-problem" class="card problem">
          <h2>{problem.title}</h2>
          <p>{problem.message}</p>
          {problem.next !== '' && <p class="next">{problem.next}</p>}
        </section>
      )}
    </div>
  );
}

/** Date and time as the reader's country writes them. */
export function openedAt(unixMs: number): string {
  return new Date(unixMs).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}
