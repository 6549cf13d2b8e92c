import { sequence } from '../../state/sequence/view';
import { texts } from '../../texts';
import { Replay } from './replay';
import { span } from './words';

/** How the sequence is shown. */
export function Controls() {
  const words = texts.sequence;
  const table = sequence.table.value;
  return (
    <div class="controls">
      <fieldset class="views">
        <legend class="hidden">{words.views}</legend>
        {[false, true].map((other) => (
          <button
            key={String(other)}
            type="button"
            aria-pressed={table === other}
            onClick={() => {
              sequence.table.value = other;
            }}
          >
            {other ? words.table : words.picture}
          </button>
        ))}
      </fieldset>
      {!table && <Axis />}
      <label class="check">
        <input
          type="checkbox"
          checked={sequence.folding.value}
          onChange={(event) => {
            sequence.folding.value = event.currentTarget.checked;
          }}
        />
        <span>{words.folding}</span>
      </label>
      {!table && <Zoom />}
      <Replay />
    </div>
  );
}

/** How times become places. */
function Axis() {
  const words = texts.sequence;
  return (
    <label>
      <span>{words.axis}</span>
      <select
        id="sequence-axis"
        value={sequence.mode.value}
        onChange={(event) => sequence.setMode(event.currentTarget.value === 'linear' ? 'linear' : 'compressed')}
      >
        <option value="compressed">{words.mode.compressed}</option>
        <option value="linear">{words.mode.linear}</option>
      </select>
    </label>
  );
}

/** Closer and further away. */
function Zoom() {
  const words = texts.sequence;
  return (
    <fieldset class="zoom">
      <legend class="hidden">{words.axis}</legend>
      <button type="button" aria-label={words.further} onClick={() => sequence.magnify(1 / 1.5)}>
        −
      </button>
      <button type="button" aria-label={words.closer} onClick={() => sequence.magnify(1.5)}>
        +
      </button>
      <button type="button" aria-label={words.fitLong} onClick={() => sequence.fit()}>
        {words.fit}
      </button>
    </fieldset>
  );
}

/** The phases with how long they took; a press shows where they begin. */
export function PhaseKeys() {
  const { phases } = sequence.layout.value;
  // Its place is kept, so that the picture does not move when the first phase begins.
  if (phases.length === 0) return <p class="phases quiet">{texts.sequence.noPhases}</p>;
  return (
    <ul class="phases" aria-label={texts.sequence.phases}>
      {phases.map((phase) => (
        <li key={`${phase.name}${phase.from}`}>
          <button type="button" data-phase={phase.name} onClick={() => sequence.showPhase(phase)}>
            {texts.sequence.phase[phase.name]} <small>{span(phase.to - phase.from)}</small>
          </button>
        </li>
      ))}
    </ul>
  );
}
