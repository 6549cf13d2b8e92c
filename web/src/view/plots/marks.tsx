import { MARKS, type Mark } from '../../state/figures/marks';
import { store } from '../../state/store';
import { texts } from '../../texts';
import { TONES } from './colours';

/** Which letter is what, and how often it stands in the plots; a press opens its newest event. */
export function MarkLegend({ marks }: { marks: readonly Mark[] }) {
  const { mark, letter } = texts.plots;
  const kinds = MARKS.map((kind) => ({ kind, found: marks.filter((one) => one.kind === kind) }));
  const there = kinds.filter(({ found }) => found.length > 0);
  if (there.length === 0) return null;
  return (
    <ul class="mark-legend" aria-label={texts.plots.marks}>
      {there.map(({ kind, found }) => {
        const sequence = found.findLast((one) => one.sequence !== undefined)?.sequence;
        const words = (
          <>
            <b data-tone={TONES[kind]}>{letter[kind]}</b> {mark[kind]}
            {found.length > 1 && <small>{texts.sequence.times(found.length)}</small>}
          </>
        );
        return (
          <li key={kind} data-mark={kind} data-count={found.length}>
            {sequence === undefined ? (
              <span>{words}</span>
            ) : (
              <button type="button" onClick={() => store.timeline.cite([sequence])}>
                {words}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
