import { between, ticks } from '../../state/sequence/axis';
import type { Layout } from '../../state/sequence/layout';
import { texts } from '../../texts';
import { type Geometry, LANES } from './geometry';
import { moment, span } from './words';

/** Pixels between two times on the linear axis. */
const TICK = 64;

interface BackdropProps {
  layout: Layout;
  geometry: Geometry;
  top: number;
  bottom: number;
  linear: boolean;
}

/** What stands behind the arrows: phases, lifelines, round times and shortened waits. */
export function Backdrop({ layout, geometry, top, bottom, linear }: BackdropProps) {
  const { left, width, x } = geometry;
  return (
    <g aria-hidden="true">
      <Phases {...{ layout, geometry, top, bottom }} />
      {linear && <Ticks {...{ layout, geometry, top, bottom }} />}
      {LANES.map((lane) => (
        <line key={lane} class="lifeline" data-lane={lane} x1={x[lane]} x2={x[lane]} y1={top} y2={bottom} />
      ))}
      {layout.gaps
        .filter(({ y }) => y >= top && y <= bottom)
        .map(({ y, length }) => (
          <g key={y} class="gap" transform={`translate(0 ${y})`}>
            <line x1={left} x2={width} y1={0} y2={0} />
            <text x={(x.web + left) / 2 - 8} y={4}>
              {span(length)}
            </text>
          </g>
        ))}
    </g>
  );
}

function Phases({ layout, geometry, top, bottom }: Omit<BackdropProps, 'linear'>) {
  const { bars, narrow, left, width } = geometry;
  return layout.phases
    .filter((phase) => phase.bottom + 8 >= top && phase.top - 8 <= bottom)
    .map((phase) => {
      const x = bars.x + phase.column * (bars.width + 2);
      // Only what can be seen: a bar may be longer than a browser draws.
      const from = Math.max(phase.top - 8, top - 20);
      const height = Math.min(phase.bottom + 8, bottom + 20) - from;
      return (
        <g key={`${phase.name}${phase.from}`} class="phase" data-phase={phase.name}>
          <rect class="band" x={left} y={from} width={Math.max(0, width - left)} height={height} />
          <rect class="bar" x={x} y={from} width={bars.width} height={height} rx={2} />
          {!narrow && <title>{texts.sequence.phase[phase.name]}</title>}
        </g>
      );
    });
}

function Ticks({ layout, geometry, top, bottom }: Omit<BackdropProps, 'linear'>) {
  const { rows } = layout;
  const places = rows.map((row) => row.y);
  const times = rows.map((row) => row.time);
  const [first, last] = [between(places, times, top), between(places, times, bottom)];
  const spoken = rows.filter((row) => row.labelled).map((row) => row.y);
  return ticks(first, last, (bottom - top) / TICK).map((at) => {
    const y = between(times, places, at);
    // An arrow's own time comes first.
    const free = !spoken.some((place) => Math.abs(place - y) < 14);
    return (
      <g key={at} class="tick" transform={`translate(0 ${y})`}>
        <line x1={geometry.left} x2={geometry.width} y1={0} y2={0} />
        {free && (
          <text x={geometry.times} y={4} text-anchor="end">
            {round(at)}
          </text>
        )}
      </g>
    );
  });
}

/** A round time without needless zeros. */
function round(microseconds: number): string {
  return moment(microseconds, false).replace(/\.?0+( s)?$/, '$1');
}
