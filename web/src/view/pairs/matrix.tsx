import { useState } from 'preact/hooks';
import type { IceCandidate } from '../../state/ice/candidates';
import { selectedPairs } from '../../state/ice/ice';
import type { Pair } from '../../state/ice/pairs';
import { ice } from '../../state/ice/view';
import { texts } from '../../texts';
import { Scroll } from '../scroll';
import { PairDetails } from './details';
import { candidateName } from './words';

/** Every candidate of the browser with every one of the daemon, coloured by how the pair stands. */
export function Matrix() {
  const { pairs } = ice.value;
  const [chosen, choose] = useState<string | undefined>(undefined);
  const words = texts.pairs;
  // What fits none of the other end's candidates is only named.
  const fits = (candidate: IceCandidate) =>
    pairs.some(({ local, remote, state }) => (local === candidate || remote === candidate) && state !== 'impossible');
  const all = (end: 'local' | 'remote') => [...new Set(pairs.map((pair) => pair[end]))];
  const [rows, columns] = [all('local').filter(fits), all('remote').filter(fits)];
  const alone = [...all('local'), ...all('remote')].filter((candidate) => !fits(candidate));
  const [best] = selectedPairs(pairs);
  const shown = pairs.find(({ id }) => id === chosen) ?? best;
  return (
    <div class="pairs" id="pairs">
      <h3>{words.title}</h3>
      {rows.length === 0 || columns.length === 0 ? (
        <p class="quiet">{words.none}</p>
      ) : (
        <>
          <Scroll label={words.title}>
            <table class="pairs-matrix">
              <thead>
                <tr>
                  <th scope="col" class="corner">
                    {words.corner}
                  </th>
                  {columns.map((remote) => (
                    <th key={remote.id} scope="col">
                      <Head candidate={remote} />
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((local) => (
                  <tr key={local.id}>
                    <th scope="row">
                      <Head candidate={local} />
                    </th>
                    {columns.map((remote) => {
                      const pair = pairs.find((one) => one.local === local && one.remote === remote);
                      return (
                        <td key={remote.id}>
                          {pair && <Cell pair={pair} isShown={pair === shown} choose={() => choose(pair.id)} />}
                        </td>
                      );
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          <p class="quiet note">
            {words.counters}
            {alone.length > 0 && ` ${words.alone(alone.length)}`}
          </p>
          {shown !== undefined && <PairDetails pair={shown} />}
        </>
      )}
    </div>
  );
}

function Head({ candidate }: { candidate: IceCandidate }) {
  const [type, ...place] = candidateName(candidate).split(' ');
  return (
    <span class="end" title={candidate.address}>
      <b>{type}</b>
      {candidate.protocol === 'udp' ? '' : ` ${candidate.protocol}`} <span class="place">{place.join(' ')}</span>
    </span>
  );
}

function Cell({ pair, isShown, choose }: { pair: Pair; isShown: boolean; choose: () => void }) {
  const { state, browser, daemon, id } = pair;
  const words = texts.pairs;
  return (
    <button
      type="button"
      class="pairs-cell"
      data-pair={id}
      data-state={state}
      data-local={pair.local.id}
      data-remote={pair.remote.id}
      aria-pressed={isShown}
      onClick={choose}
    >
      <b>{words.state[state]}</b>
      {browser && (
        <span>
          {words.end.browser} {browser.requestsSent}/{browser.responsesReceived}
        </span>
      )}
      {daemon && (
        <span>
          {words.end.daemon} {daemon.requestsSent}/{daemon.responsesReceived}
        </span>
      )}
    </button>
  );
}
