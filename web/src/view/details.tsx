import type { Event } from '../generated/Event';
import { texts } from '../texts';
import { milliseconds, time } from './format';

interface DetailsProps {
  event: Event;
  id?: string;
  label?: string;
  /** Without it there is nothing to close. */
  onClose?: (() => void) | undefined;
}

/** All that is known of one event. */
export function Details({ event, id = 'details', label = texts.timeline.details, onClose }: DetailsProps) {
  const words = texts.timeline;
  const attributes = Object.entries(event.attributes);
  return (
    <aside id={id} class="details" aria-label={label}>
      <div class="head">
        <h3>
          <code>{event.kind}</code>
        </h3>
        <span class="quiet">
          {time(event.time)} ms
          {event.uncertainty > 0 && `, ${words.uncertainty(milliseconds(event.uncertainty / 1000))}`} ·{' '}
          {texts.seenBy[event.seenBy]} · {texts.lane[event.from]}
          {event.to !== event.from && ` → ${texts.lane[event.to]}`} · {texts.evidence[event.evidence]}
        </span>
        {onClose !== undefined && (
          <button type="button" class="plain" onClick={onClose}>
            {words.close}
          </button>
        )}
      </div>
      <p>{event.summary}</p>
      {attributes.length === 0 ? (
        <p class="quiet">{words.noAttributes}</p>
      ) : (
        <dl>
          {attributes.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{show(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </aside>
  );
}

/** Texts of several lines (an SDP) and nested facts keep their shape. */
function show(value: unknown) {
  if (typeof value === 'string') return /[\r\n]/.test(value) ? <pre>{value.trim()}</pre> : value;
  if (typeof value === 'object' && value !== null) return <pre>{JSON.stringify(value, undefined, 2)}</pre>;
  return String(value);
}
