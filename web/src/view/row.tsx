import { Component } from 'preact';
import type { Event } from '../generated/Event';
import type { Lane } from '../generated/Lane';
import { texts } from '../texts';
import { delta, milliseconds, time, uncertainty } from './format';

interface RowProps {
  event: Event;
  /** Time of the row before, in microseconds. */
  before: number | undefined;
  /** Its place in the whole table, from 1; the head is row 1. */
  index: number;
  open: boolean;
  /** It shows what the verdict says. */
  cited: boolean;
  /** The one row that Tab reaches; arrow keys go on from there. */
  reachable: boolean;
  onOpen: (sequence: number) => void;
}

/** One event. Drawn again only when something of it has changed: most rows stay as they are while new ones come. */
export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== this.props[name]);
  }

  override render({ event, before, index, open, cited, reachable, onOpen }: RowProps) {
    return (
      <div
        role="row"
        class="row"
        tabIndex={reachable ? 0 : -1}
        aria-rowindex={index}
        aria-selected={open}
        data-sequence={event.sequence}
        data-kind={event.kind}
        data-evidence={event.evidence}
        data-seen-by={event.seenBy}
        data-from={event.from}
        data-to={event.to}
        data-level={event.level}
        data-cited={cited || undefined}
        onClick={() => onOpen(event.sequence)}
      >
        <Time event={event} />
        <span role="cell" class="delta">
          {before === undefined ? '' : delta(event.time - before)}
        </span>
        <span role="cell" class="seen-by">
          {texts.seenBy[event.seenBy]}
        </span>
        <span role="cell" class="lanes">
          <LaneName lane={event.from} />
          {event.to !== event.from && (
            <>
              <span class="arrow">→</span>
              <LaneName lane={event.to} />
            </>
          )}
        </span>
        <span role="cell" class="evidence">
          <span class="badge">{texts.evidence[event.evidence]}</span>
        </span>
        <span role="cell" class="summary">
          {event.summary} <code>{event.kind}</code>
        </span>
      </div>
    );
  }
}

function Time({ event }: { event: Event }) {
  const give = uncertainty(event.uncertainty);
  const words = texts.timeline.uncertainty(milliseconds(event.uncertainty / 1000));
  return (
    <span role="cell" class="time">
      {time(event.time)}
      <small title={give === '' ? undefined : words}>{give}</small>
    </span>
  );
}

function LaneName({ lane }: { lane: Lane }) {
  return (
    <span class="lane" data-lane={lane}>
      {texts.lane[lane]}
    </span>
  );
}
