import type { Counters } from '../../state/ice/checks';
import type { Pair } from '../../state/ice/pairs';
import { ice } from '../../state/ice/view';
import { texts } from '../../texts';
import { milliseconds } from '../format';
import { Scroll } from '../scroll';
import { candidateName, wayWords } from './words';

const COUNTERS = ['requestsSent', 'responsesReceived', 'requestsReceived', 'responsesSent'] as const;

/** All that both ends know of one pair, and why it stands as it does. */
export function PairDetails({ pair }: { pair: Pair }) {
  const { local, remote, state, browser, daemon, selectedBy } = pair;
  const words = texts.pairs;
  const { states } = ice.value;
  const isDown = states.browser === 'failed' || states.daemon === 'failed';
  const roundTripTime = browser?.roundTripTime;
  return (
    <section id="pair-details" class="pair-details" data-pair={pair.id} data-state={state} aria-label={words.details}>
      <h4>
        <span class="swatch" data-state={state}>
          {words.state[state]}
        </span>{' '}
        {candidateName(local)} – {candidateName(remote)}
      </h4>
      {state !== 'impossible' && state !== 'unknown' && <p id="pair-way">{wayWords(pair)}</p>}
      <p class="quiet" id="pair-why">
        {words.why[state](selectedBy, daemon?.nominated === true || browser?.nominated === true)}
        {roundTripTime !== undefined && ` ${words.roundTrip(milliseconds(roundTripTime * 1000))}`}
        {state === 'selected' && isDown && ` ${words.down}`}
        {daemon?.error && ` ${words.notSent(daemon.error)}`}
      </p>
      {daemon !== undefined && (
        <p class="quiet">
          {words.sockets(daemon.local, daemon.remote)}
          {daemon.relay !== undefined && `, ${words.relay(daemon.relay)}`}
        </p>
      )}
      <Scroll label={words.counts}>
        <table class="pairs-counters">
          <thead>
            <tr>
              <td />
              {COUNTERS.map((name) => (
                <th key={name} scope="col">
                  {words.counter[name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Row name={words.end.browser} counters={browser} />
            <Row name={words.end.daemon} counters={daemon} />
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Row({ name, counters }: { name: string; counters: Counters | undefined }) {
  return (
    <tr data-end={name}>
      <th scope="row">{name}</th>
      {COUNTERS.map((one) => (
        <td key={one} data-counter={one}>
          {counters === undefined ? '–' : counters[one]}
        </td>
      ))}
    </tr>
  );
}
