import type { Filter, Timeline } from '../state/timeline';
import { texts } from '../texts';

const EVIDENCE = ['all', 'packet', 'api'] as const;
const SEEN_BY = ['all', 'browser', 'daemon', 'relay', 'plugin'] as const;

/** What of the timeline is shown. */
export function Filters({ timeline }: { timeline: Timeline }) {
  const words = texts.timeline;
  const filter = timeline.filter.value;
  const change = (part: Partial<Filter>) => {
    timeline.filter.value = { ...timeline.filter.peek(), ...part };
  };
  return (
    <search class="filters" aria-label={words.filter}>
      <input
        type="search"
        value={filter.text}
        placeholder={words.filterHint}
        aria-label={words.filterHint}
        onInput={(event) => change({ text: event.currentTarget.value })}
      />
      <label>
        <span>{words.evidenceFilter}</span>
        <select
          id="filter-evidence"
          value={filter.evidence}
          onChange={(event) => change({ evidence: event.currentTarget.value as Filter['evidence'] })}
        >
          {EVIDENCE.map((value) => (
            <option key={value} value={value}>
              {value === 'all' ? words.all : texts.evidence[value]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{words.seenByFilter}</span>
        <select
          id="filter-seen-by"
          value={filter.seenBy}
          onChange={(event) => change({ seenBy: event.currentTarget.value as Filter['seenBy'] })}
        >
          {SEEN_BY.map((value) => (
            <option key={value} value={value}>
              {value === 'all' ? words.all : texts.seenBy[value]}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={filter.stats}
          onChange={(event) => change({ stats: event.currentTarget.checked })}
        />
        <span>{words.stats}</span>
      </label>
    </search>
  );
}
