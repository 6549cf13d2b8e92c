import { useRef, useState } from 'preact/hooks';
import type { Placed } from '../../state/sequence/layout';
import { sequence } from '../../state/sequence/view';
import { texts } from '../../texts';
import { time } from '../format';
import { drawn } from '../window';
import { areDifferent, label, outcomeWords, tookWords } from './words';

/** As the style sheet has it. */
const ROW_HEIGHT = 30;

/** The same as the picture shows, in words. */
export function SequenceTable() {
  const words = texts.sequence;
  const { rows } = sequence.layout.value;
  const frame = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 600 });
  const part = drawn(rows.length, ROW_HEIGHT, scroll.top, scroll.height);
  const onScroll = () => {
    const element = frame.current;
    if (element !== null) setScroll({ top: element.scrollTop, height: element.clientHeight });
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (WCAG 2.1.1).
    <section class="sequence-table" ref={frame} onScroll={onScroll} tabIndex={0} aria-label={words.table}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {Object.values(words.column).map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space height={part.before} />
          {rows.slice(part.first, part.end).map((row, offset) => (
            <TableRow key={row.events[0].sequence} row={row} index={part.first + offset} />
          ))}
          <Space height={part.after} />
        </tbody>
      </table>
      {rows.length === 0 && <p class="quiet none">{words.empty}</p>}
    </section>
  );
}

function Space({ height }: { height: number }) {
  if (height === 0) return null;
  return (
    <tr>
      <td colSpan={7} style={{ height: `${height}px` }} />
    </tr>
  );
}

function TableRow({ row, index }: { row: Placed; index: number }) {
  const { from, to, kind, evidence, level, events } = row;
  const first = events[0].sequence;
  return (
    <tr
      aria-rowindex={index + 2}
      data-sequence={first}
      data-kind={kind}
      data-from={from}
      data-to={to}
      data-count={events.length}
      data-level={level}
      class={index === sequence.selected.value ? 'selected' : undefined}
    >
      <td class="number">{time(row.time)}</td>
      <td>
        <span class="lane" data-lane={from}>
          {texts.lane[from]}
        </span>
      </td>
      <td>
        {from !== to && (
          <span class="lane" data-lane={to}>
            {texts.lane[to]}
          </span>
        )}
      </td>
      <td class="what">
        <button type="button" onClick={() => sequence.toggle(index)}>
          {areDifferent(row)
            ? label(row)
            : label({ ...row, events: [row.events[0]], took: undefined, outcome: undefined })}
        </button>
      </td>
      <td>{texts.evidence[evidence]}</td>
      <td class="number">{events.length}</td>
      <td class="number">{tookWords(row) || outcomeWords(row)}</td>
    </tr>
  );
}
