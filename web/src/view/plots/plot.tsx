import type { Signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Plotted } from '../../state/figures/view';
import { theme } from '../../state/theme';
import { texts } from '../../texts';
import type { Chart } from './chart';
import { isKnown, type PlotSpec, summaryWords, valueWords } from './words';

interface PlotProps {
  spec: PlotSpec;
  plotted: Plotted;
  /** Plots of one group have one cursor. */
  group: string;
  /** The place in the columns whose figures are shown. */
  at: number;
  /** The time that is pointed at, in seconds. */
  hovered: Signal<number | undefined>;
  /** The time that the slider has been put to. */
  held: Signal<number | undefined>;
  /** Why nothing is known, where that is known. */
  why?: string | undefined;
}

/** One plot with its value: the one that is pointed at, else the newest. */
export function Plot({ why, ...props }: PlotProps) {
  const { spec, plotted, at } = props;
  const { figures } = plotted;
  const known = isKnown(spec, figures);
  return (
    <figure class="plot" data-plot={spec.id} data-known={known}>
      <figcaption>
        <h3>{spec.title}</h3>
        {spec.lines.map(({ name, title }, index) => (
          <span key={name} class="plot-value" data-figure={name} data-line={index} title={title}>
            {valueWords(name, figures.columns[name][at])}
          </span>
        ))}
      </figcaption>
      {known ? <Canvas {...props} /> : <p class="plot-nothing quiet">{why ?? texts.plots.nothing}</p>}
    </figure>
  );
}

/** The drawing itself; its words say the same in numbers. */
function Canvas({ spec, plotted, group, hovered, held }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | undefined>(undefined);
  const newest = useRef(plotted);
  const [failed, setFailed] = useState(false);
  newest.current = plotted;
  useEffect(() => {
    let gone = false;
    import('./chart').then(
      ({ Chart }) => {
        if (gone || host.current === null) return;
        chart.current = new Chart(host.current, spec, group, newest.current, (time) => {
          hovered.value = time;
        });
        chart.current.hold(held.value);
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [spec, group, hovered, held]);
  useEffect(() => chart.current?.update(plotted), [plotted]);
  useEffect(() => chart.current?.hold(held.value), [held.value]);
  useColours(chart);
  const words = spec.lines.map(({ name, title }) => {
    const { last, min, mean, max } = summaryWords(name, plotted.figures);
    return texts.plots.said(title, last, min, mean, max);
  });
  if (failed) return <p class="plot-nothing quiet">{texts.plots.unavailable}</p>;
  return (
    <div
      ref={host}
      class="plot-canvas"
      role="img"
      aria-label={words.join('; ')}
      onPointerEnter={() => {
        // Who points has done with the slider.
        held.value = undefined;
      }}
    />
  );
}

/** Draws anew when the colours change: by the user's choice, or with the system's. */
function useColours(chart: { readonly current: Chart | undefined }): void {
  const chosen = theme.value;
  useEffect(() => {
    chart.current?.recolour();
    const system = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => chart.current?.recolour();
    system.addEventListener('change', changed);
    return () => system.removeEventListener('change', changed);
  }, [chosen]);
}
