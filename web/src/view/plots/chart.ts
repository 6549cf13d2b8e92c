// What draws the plots: loaded when there is something to draw.
import uPlot from 'uplot';
import type { Plotted } from '../../state/figures/view';
import { texts } from '../../texts';
import { type Colours, readColours, TONES } from './colours';
import { isolated, ticks, top } from './scale';
import type { PlotSpec } from './words';

const HEIGHT = 132;
/** Pixels beside the plot for its axis: room for «2.5 Mbit/s». */
const AXIS = 60;
/** Of marks that are nearer than this one has its letter. */
const LETTER = 11;
/** Where marks are close together, what is worse is drawn over the rest and keeps its letter. */
const WEIGHT = { calm: 0, busy: 1, bad: 2 } as const;

/** One plot in its element. All plots of a group have one cursor. */
export class Chart {
  readonly #host: HTMLElement;
  readonly #spec: PlotSpec;
  readonly #plot: uPlot;
  readonly #resize: ResizeObserver;
  #plotted: Plotted;
  #colours: Colours;
  /** Where the slider has put the cursor, in seconds. */
  #held: number | undefined;

  constructor(
    host: HTMLElement,
    spec: PlotSpec,
    group: string,
    plotted: Plotted,
    onHover: (time: number | undefined) => void,
  ) {
    this.#host = host;
    this.#spec = spec;
    this.#plotted = plotted;
    this.#colours = readColours(host);
    this.#plot = new uPlot(this.#options(group, onHover), this.#data(), host);
    this.#resize = new ResizeObserver(() => this.#fit());
    this.#resize.observe(host);
  }

  /** Draws what there is now. */
  update(plotted: Plotted): void {
    this.#plotted = plotted;
    this.#plot.setData(this.#data());
  }

  /** Puts the cursor at a time and keeps it there while figures come; nothing lets go of it. */
  hold(time: number | undefined): void {
    if (time === undefined && this.#held !== undefined) this.#plot.setCursor({ left: -1, top: -1 }, false);
    this.#held = time;
    this.#place();
  }

  #place(): void {
    if (this.#held === undefined) return;
    this.#plot.setCursor({ left: this.#plot.valToPos(this.#held, 'x'), top: HEIGHT / 3 }, false);
  }

  /** The page has other colours. */
  recolour(): void {
    this.#colours = readColours(this.#host);
    this.#plot.redraw(false, true);
  }

  destroy(): void {
    this.#resize.disconnect();
    this.#plot.destroy();
  }

  #fit(): void {
    const width = this.#host.clientWidth;
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  #data(): uPlot.AlignedData {
    const { time, columns } = this.#plotted.figures;
    return [time, ...this.#spec.lines.map(({ name }) => columns[name])];
  }

  #options(group: string, onHover: (time: number | undefined) => void): uPlot.Options {
    const first = this.#spec.lines[0]?.name ?? 'bitRate';
    const axis = {
      stroke: () => this.#colours.quiet,
      grid: { stroke: () => this.#colours.line, width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    return {
      width: Math.max(1, this.#host.clientWidth),
      height: HEIGHT,
      padding: [10, 6, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: group }, drag: { x: false, y: false }, focus: { prox: -1 } },
      scales: {
        x: { time: false, range: () => [...this.#plotted.range] },
        y: { range: (_, __, most) => [0, top(most)] },
      },
      axes: [
        { ...axis, size: 22, gap: 3, space: 56, values: (_, values) => values.map((value) => `${value} s`) },
        {
          ...axis,
          size: AXIS,
          splits: (plot) => ticks(plot.scales.y?.max ?? 1),
          values: (_, values) => values.map((value) => texts.plots.axis[first](value)),
        },
      ],
      series: [
        {},
        ...this.#spec.lines.map((_, index) => ({
          stroke: () => (index === 0 ? this.#colours.first : this.#colours.second),
          width: 1.6,
          ...(index === 0 ? {} : { dash: [4, 3] }),
          points: {
            size: 4,
            fill: () => (index === 0 ? this.#colours.first : this.#colours.second),
            // A line needs two values: one alone is a point.
            filter: (plot: uPlot, series: number) => isolated(plot.data[series] ?? []),
          },
        })),
      ],
      hooks: {
        draw: [
          (plot) => {
            this.#drawMarks(plot);
            // Only now the axis is where it belongs.
            this.#place();
          },
        ],
        setCursor: [
          ({ cursor: { idx } }) => {
            if (this.#held === undefined) onHover(idx == null ? undefined : this.#plotted.figures.time[idx]);
          },
        ],
      },
    };
  }

  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const { marks, range } = this.#plotted;
    const scale = devicePixelRatio;
    const placed = marks
      .filter(({ time }) => time >= range[0] && time <= range[1])
      .toSorted((a, b) => WEIGHT[TONES[a.kind]] - WEIGHT[TONES[b.kind]])
      // Between two pixels a line would be two pixels wide and pale.
      .map(({ time, kind }) => ({ kind, x: Math.round(plot.valToPos(time, 'x', true)) + (scale % 2) / 2 }));
    ctx.save();
    ctx.lineWidth = scale;
    ctx.setLineDash([3 * scale, 3 * scale]);
    for (const { kind, x } of placed) {
      ctx.strokeStyle = this.#colours[TONES[kind]];
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.font = `600 ${9 * scale}px system-ui, sans-serif`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'bottom';
    const lettered: number[] = [];
    for (const { kind, x } of placed.toReversed()) {
      if (lettered.some((other) => Math.abs(other - x) < LETTER * scale)) continue;
      lettered.push(x);
      ctx.fillStyle = this.#colours[TONES[kind]];
      ctx.fillText(texts.plots.letter[kind], x, bbox.top);
    }
    ctx.restore();
  }
}
