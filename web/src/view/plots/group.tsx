import { useSignal } from '@preact/signals';
import type { Plotted } from '../../state/figures/view';
import { texts } from '../../texts';
import { COLOUR_NAMES } from './colours';
import { Plot } from './plot';
import type { PlotSpec } from './words';

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
  const time = hovered.value === undefined ? undefined : plotted.figures.time[hovered.value];
  return (
    <div class="plots" data-group={name}>
      <span class="plot-colours" aria-hidden="true">
        {COLOUR_NAMES.map((colour) => (
          <i key={colour} data-colour={colour} />
        ))}
      </span>
      {specs.map((spec) => (
        <Plot key={spec.id} spec={spec} plotted={plotted} group={name} hovered={hovered} why={why[spec.id]} />
      ))}
      <p class="plot-time quiet">{time === undefined ? '' : texts.plots.at(time)}</p>
    </div>
  );
}
