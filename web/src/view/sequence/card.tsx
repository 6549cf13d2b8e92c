import { sequence } from '../../state/sequence/view';
import { texts } from '../../texts';
import { Help } from '../help';
import { Controls, PhaseKeys } from './controls';
import { Inspector } from './inspector';
import { Picture } from './picture';
import { SequenceTable } from './table';

/** The five lanes and what went between them. */
export function Sequence() {
  const words = texts.sequence;
  const { rows } = sequence.layout.value;
  const count = (marks: boolean) =>
    rows.reduce((sum, row) => sum + ((row.from === row.to) === marks ? row.events.length : 0), 0);
  return (
    <section id="sequence" class="card sequence-card" aria-labelledby="sequence-title">
      <div class="head">
        <h2 id="sequence-title">{words.title}</h2>
        <p class="quiet">{words.about}</p>
        <p class="count">{words.shown(count(false), count(true))}</p>
      </div>
      <Help lines={words.help} />
      <Controls />
      <PhaseKeys />
      <div class="sequence-stage">
        <div class="picture">
          {sequence.table.value ? <SequenceTable /> : <Picture />}
          {!sequence.table.value && <Latest />}
        </div>
        <Inspector />
      </div>
    </section>
  );
}

/** What stands below what is seen, and the way there. */
function Latest() {
  const below = sequence.below.value;
  const { rows } = sequence.layout.value;
  const number = below === undefined ? 0 : rows.filter((row) => row.y > below).length;
  if (number === 0) return null;
  return (
    <button type="button" class="latest" onClick={() => sequence.goTo(rows.length - 1)}>
      {texts.sequence.latest(number)} ↓
    </button>
  );
}
