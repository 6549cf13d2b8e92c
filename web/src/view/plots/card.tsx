import { useSignal } from '@preact/signals';
import { latency, type Span, session, span } from '../../state/figures/view';
import { isLive } from '../../state/store';
import { texts } from '../../texts';
import { Help } from '../help';
import { PlotGroup } from './group';
import { MarkLegend } from './marks';
import { PlotTable } from './table';
import { SESSION_PLOTS } from './words';

const SPANS: readonly Span[] = ['minute', 'all'];

/** How the connection does over time. */
export function PlotsCard() {
  const words = texts.plots;
  const plotted = session.value;
  const table = useSignal(false);
  const measured = latency.latest.value;
  const why = isLive.value && typeof measured === 'string' ? texts.video.why[measured] : undefined;
  const empty = plotted.figures.time.length === 0;
  return (
    <section id="plots" class="card plots-card" aria-labelledby="plots-title">
      <div class="head">
        <h2 id="plots-title">{words.title}</h2>
        <p class="quiet">{words.about}</p>
      </div>
      <Help lines={words.help} />
      {empty ? (
        <p class="quiet">{words.empty}</p>
      ) : (
        <>
          <div class="controls">
            <Choice
              label={words.spans}
              options={SPANS.map((value) => ({ value, title: words.span[value] }))}
              chosen={span.value}
              onChoose={(value) => {
                span.value = value;
              }}
            />
            <Choice
              label={words.views}
              options={[
                { value: false, title: words.picture },
                { value: true, title: words.table },
              ]}
              chosen={table.value}
              onChoose={(value) => {
                table.value = value;
              }}
            />
          </div>
          {table.value ? (
            <PlotTable plotted={plotted} />
          ) : (
            <PlotGroup name="session" specs={SESSION_PLOTS} plotted={plotted} why={{ latency: why }} />
          )}
          <MarkLegend marks={plotted.marks} />
        </>
      )}
    </section>
  );
}

interface ChoiceProps<T> {
  label: string;
  options: readonly { value: T; title: string }[];
  chosen: T;
  onChoose: (value: T) => void;
}

/** Buttons of which one is pressed. */
function Choice<T extends string | boolean>({ label, options, chosen, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend class="hidden">{label}</legend>
      {options.map(({ value, title }) => (
        <button key={title} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {title}
        </button>
      ))}
    </fieldset>
  );
}
