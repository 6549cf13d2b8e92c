import { Component } from 'preact';
import type { Placed } from '../../state/sequence/layout';
import { texts } from '../../texts';
import { type Geometry, labelPlace } from './geometry';
import { label, moment, spoken } from './words';

interface ArrowProps {
  row: Placed;
  index: number;
  /** Rows in all. */
  of: number;
  geometry: Geometry;
  selected: boolean;
  active: boolean;
  hovered: boolean;
  /** The answer of what is pointed at, or its request. */
  partner: boolean;
}

/** Pixels from an arrow's line to the foot of its words, over it and under it. */
const OVER = -6;
const UNDER = 14;
const HEAD = 7;

/** One row of the picture: an arrow between two lanes, or a mark on one. */
export class Arrow extends Component<ArrowProps> {
  override shouldComponentUpdate(next: ArrowProps): boolean {
    const names = Object.keys(next) as (keyof ArrowProps)[];
    if (names.some((name) => name !== 'row' && next[name] !== this.props[name])) return true;
    // A new layout makes new rows; most of them say what the old ones did.
    const was = this.props.row;
    const is = next.row;
    return (
      was.y !== is.y ||
      was.labelled !== is.labelled ||
      was.roomy !== is.roomy ||
      was.crowd !== is.crowd ||
      was.events[0] !== is.events[0] ||
      was.events.length !== is.events.length ||
      was.outcome !== is.outcome ||
      was.level !== is.level
    );
  }

  override render({ row, index, of, geometry, selected, active, hovered, partner }: ArrowProps) {
    const { kind, from, to, evidence, seenBy, level, events, outcome } = row;
    const half = row.labelled ? 12 : 4;
    return (
      <>
        <g
          id={`sequence-row-${index}`}
          role="option"
          class={['item', active && 'active', hovered && 'hovered', partner && 'partner'].filter(Boolean).join(' ')}
          transform={`translate(0 ${row.y})`}
          aria-selected={selected}
          aria-posinset={index + 1}
          aria-setsize={of}
          aria-label={spoken(row)}
          data-index={index}
          data-sequence={events[0].sequence}
          data-kind={kind}
          data-from={from}
          data-to={to}
          data-count={events.length}
          data-evidence={evidence}
          data-seen-by={seenBy}
          data-level={level}
          data-outcome={outcome}
        >
          <rect
            class="ground"
            x={geometry.left}
            y={geometry.narrow ? -9 : -half}
            width={geometry.width - geometry.left}
            height={geometry.narrow ? half + 16 : 2 * half}
          />
          {from === to ? <circle class="spot" cx={geometry.x[from]} cy={0} r={4} /> : <Line {...{ row, geometry }} />}
        </g>
        {row.labelled && <Words {...{ row, geometry }} />}
      </>
    );
  }
}

function Line({ row, geometry }: { row: Placed; geometry: Geometry }) {
  const [start, end] = [geometry.x[row.from], geometry.x[row.to]];
  const way = Math.sign(end - start);
  const tip = end - way;
  const foot = tip - way * HEAD;
  return (
    <>
      <line class="shaft" x1={start} x2={foot} y1={0} y2={0} />
      <path class="tip" d={`M${tip} 0L${foot} -4V4Z`} />
    </>
  );
}

function Words({ row, geometry }: { row: Placed; geometry: Geometry }) {
  const { narrow } = geometry;
  const crowd = row.crowd > 0 ? ` · ${texts.sequence.crowd(row.crowd)}` : '';
  const at = moment(row.time, narrow);
  const beside = row.from === row.to && row.roomy;
  const place = labelPlace(`${narrow ? `${at} ` : ''}${label(row)}`, crowd, row.from, row.to, geometry);
  return (
    // Beside the row, whose name says all of it: words that are cut would be another name (WCAG 2.5.3).
    <g
      class="saying"
      aria-hidden="true"
      transform={`translate(0 ${row.y})`}
      data-tone={row.outcome === 'unanswered' ? 'warn' : row.level}
    >
      {!narrow && (
        <text class="time" x={geometry.times} y={4} text-anchor="end">
          {at}
        </text>
      )}
      <text class="words" x={place.x} y={narrow ? UNDER : beside ? 4 : OVER} text-anchor={place.anchor}>
        {place.text}
      </text>
    </g>
  );
}
