import { useSignal } from '@preact/signals';
import type { Plotted } from '../../state/figures/view';
import { texts } from '../../texts';
import { COLOUR_NAMES } from './colours';
import { Plot } from './plot';
import { type PlotSpec, valueWords } from './words';

interface GroupProps {
  name: string;
  specs: readonly PlotSpec[];
  plotted: Plotted;
  /** Why a figure is not known, by its plot. */
  why?: Record<string, string | undefined>;
}

/** Plots side by side with one cursor. */
export function PlotGroup({ name, specs, plotted, why = {} }: GroupProps) {
  const hovered = useSignal<number | undefined>(undefined);
  const held = useSignal<number | undefined>(undefined);
  const { time, columns } = plotted.figures;
  const shown = hovered.value === undefined ? -1 : time.indexOf(hovered.value);
  const at = shown === -1 ? time.length - 1 : shown;
  const when = texts.plots.at(time[at] ?? 0);
  const values = specs.flatMap(({ lines }) =>
    lines.map((line) => `${line.title} ${valueWords(line.name, columns[line.name][at])}`),
  );
  const hold = (to: number | undefined) => {
    held.value = to;
    hovered.value = to;
  };
  return (
    <div class="plots" data-group={name}>
      <span class="plot-colours" aria-hidden="true">
        {COLOUR_NAMES.map((colour) => (
          <i key={colour} data-colour={colour} />
        ))}
      </span>
      {specs.map((spec) => (
        <Plot
          key={spec.id}
          spec={spec}
          plotted={plotted}
          group={name}
          at={at}
          hovered={hovered}
          held={held}
          why={why[spec.id]}
        />
      ))}
      <p class="plot-time quiet">{shown === -1 ? '' : when}</p>
      <input
        type="range"
        class="plot-slider"
        aria-label={texts.plots.moment}
        aria-valuetext={[when, ...values].join(', ')}
        min={0}
        max={time.length - 1}
        value={at}
        onInput={(event) => hold(time[event.currentTarget.valueAsNumber])}
        onBlur={() => hold(undefined)}
      />
    </div>
  );
}
