import { pairWords } from '../rtc/pair';
import { store } from '../state/store';
import { texts } from '../texts';
import { milliseconds } from './format';
import { Help } from './help';

/** How a state is meant, for its colour; the word itself says it, too. */
type Tone = 'good' | 'busy' | 'bad' | 'idle';

const GOOD = new Set(['connected', 'completed', 'stable', 'live']);
const BAD = new Set(['failed', 'disconnected', 'closed', 'away', 'gone']);
const IDLE = new Set(['new', '–']);

function toneOf(state: string): Tone {
  if (GOOD.has(state)) return 'good';
  if (BAD.has(state)) return 'bad';
  return IDLE.has(state) ? 'idle' : 'busy';
}

/** Where each layer of the connection stands. */
export function Connection() {
  const words = texts.connection;
  const view = store.connection.value;
  const pair = store.pair.value;
  const clock = store.clock.value;
  const channel = store.channel.value;
  const started = store.sessionId.value !== undefined;
  return (
    <section class="card" aria-labelledby="connection-title">
      <h2 id="connection-title">{words.title}</h2>
      <Help lines={words.help} />
      <ul class="states">
        <State name={words.signalling} layer="signalling" state={view?.signaling ?? '–'} />
        <State name={words.ice} layer="ice" state={view?.ice ?? '–'} />
        <State name={words.dtls} layer="dtls" state={view?.dtls ?? '–'} />
        <State name={words.connection} layer="connection" state={view?.connection ?? '–'} />
      </ul>
      <dl class="facts">
        <dt>{words.pair}</dt>
        <dd id="pair">
          {pair === undefined ? words.unknown : pairWords(pair)}
          {pair?.roundTripTime !== undefined && `, ${words.roundTrip(pair.roundTripTime)}`}
        </dd>
        <dt>{words.live}</dt>
        <dd id="channel" data-channel={channel}>
          {started ? words.channel[channel] : words.unknown}
        </dd>
        <dt>{words.clock}</dt>
        <dd>{clock === undefined ? words.unknown : words.clockKnown(milliseconds(clock.uncertainty / 1000))}</dd>
      </dl>
    </section>
  );
}

function State({ name, layer, state }: { name: string; layer: string; state: string }) {
  return (
    <li data-layer={layer} data-value={state} data-tone={toneOf(state)}>
      <span class="name">{name}</span>
      <span class="value">{state}</span>
    </li>
  );
}
