import { type FigureName, type Figures, type Summary, summary } from '../../state/figures/figures';
import { texts } from '../../texts';

/** One plot: a figure or two that are measured alike. */
export interface PlotSpec {
  id: string;
  title: string;
  lines: readonly { name: FigureName; title: string }[];
}

const { figure, group, received } = texts.plots;

/** The plots of a session. */
export const SESSION_PLOTS: readonly PlotSpec[] = [
  single('bitRate'),
  single('roundTripTime'),
  single('jitter'),
  single('packetLoss'),
  {
    id: 'frames',
    title: group.frames,
    lines: [
      { name: 'framesPerSecond', title: figure.framesPerSecond },
      { name: 'framesDropped', title: figure.framesDropped },
    ],
  },
  single('latency'),
];

/** The plots of the picture that this page sends, as the daemon measures it. */
export const SENT_PLOTS: readonly PlotSpec[] = [
  single('bitRate'),
  { id: 'frames', title: received, lines: [{ name: 'framesPerSecond', title: received }] },
  single('packetLoss'),
  single('jitter'),
];

function single(name: FigureName): PlotSpec {
  return { id: name, title: figure[name], lines: [{ name, title: figure[name] }] };
}

/** A value of a figure in its unit. */
export function valueWords(name: FigureName, value: number | null | undefined): string {
  return value === null || value === undefined ? texts.plots.unknown : texts.plots.value[name](value);
}

/** A figure in a few numbers, in its unit. */
export function summaryWords(name: FigureName, figures: Figures): Record<keyof Summary, string> {
  const { last, min, mean, max } = summary(figures.columns[name]);
  const words = (value: number | undefined) => valueWords(name, value);
  return { last: words(last), min: words(min), mean: words(mean), max: words(max) };
}

/** Whether anything is known of a plot. */
export function isKnown({ lines }: PlotSpec, { columns }: Figures): boolean {
  return lines.some(({ name }) => columns[name].some((value) => value !== null));
}
