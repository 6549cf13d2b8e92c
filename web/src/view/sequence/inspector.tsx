import { sequence } from '../../state/sequence/view';
import { store } from '../../state/store';
import { texts } from '../../texts';
import { Details } from '../details';
import { time } from '../format';
import { areDifferent } from './words';

/** So many times of a fold are named. */
const NAMED = 24;

/** The message of what is pointed at, or of what was chosen; always in one place, so that nothing jumps. */
export function Inspector() {
  const words = texts.sequence;
  const shown = sequence.shown.value;
  const row = shown === undefined ? undefined : sequence.layout.value.rows[shown];
  const open = store.timeline.open.value;
  if (row === undefined) {
    return (
      <div class="inspector">
        <p class="quiet hint">{words.hint}</p>
      </div>
    );
  }
  const event = row.events.find(({ sequence }) => sequence === open) ?? row.events[0];
  const pinned = event.sequence === open;
  return (
    <div class="inspector" data-pinned={pinned}>
      {row.events.length > 1 && (
        <p class="fold">
          {areDifferent(row) ? words.reports(row.events.length) : words.seenTimes(row.events.length)}{' '}
          {row.events.slice(0, NAMED).map((one) => (
            <button
              key={one.sequence}
              type="button"
              aria-pressed={one === event}
              onClick={() => {
                store.timeline.open.value = one.sequence;
              }}
            >
              {areDifferent(row) ? one.summary : time(one.time)}
            </button>
          ))}
          {row.events.length > NAMED && words.more(row.events.length - NAMED)}
        </p>
      )}
      <Details
        event={event}
        id="sequence-details"
        label={words.message}
        onClose={
          pinned
            ? () => {
                store.timeline.open.value = undefined;
              }
            : undefined
        }
      />
    </div>
  );
}
