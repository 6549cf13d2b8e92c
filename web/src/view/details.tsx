import type { Event } from '../generated/Event';
import { texts } from '../texts';
import { milliseconds, time } from './format';

/** All that is known of one event. */
export function Details({ event, onClose }: { event: Event; onClose: () => void }) {
  const words = texts.timeline;
  const attributes = Object.entries(event.attributes);
  return (
    <aside id="details" class="details" aria-label={words.details}>
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
        <button type="button" class="plain" onClick={onClose}>
          {words.close}
        </button>
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
