import { topology } from '../../state/ice/view';
import { isKnown } from '../../state/topology/topology';
import { texts } from '../../texts';
import { Help } from '../help';
import { TopologyMap } from './map';
import { PathList } from './paths';
import { TopologyTable } from './table';

/** Paths that are drawn: more would hide the one that matters. */
export const MOST_PATHS = 6;

/** What lies between the browser and the daemon. */
export function TopologyCard() {
  const known = topology.value;
  const { paths, shared } = known;
  const words = texts.topology;
  const drawn = paths.slice(0, MOST_PATHS);
  return (
    <section id="topology" class="card topology-card" aria-labelledby="topology-title">
      <div class="head">
        <h2 id="topology-title">{words.title}</h2>
        <p class="quiet">{words.about}</p>
      </div>
      <Help lines={words.help} />
      {isKnown(known) ? (
        <>
          <TopologyMap topology={known} paths={drawn} />
          {shared && (
            <p class="shared" data-shared={shared.address}>
              {words.sharedNat(shared.address)} {words.hairpinKnown[`${shared.hairpin}`]}
            </p>
          )}
          <PathList paths={drawn} more={paths.length - drawn.length} />
          <TopologyTable topology={known} paths={paths} />
        </>
      ) : (
        <p class="quiet">{words.empty}</p>
      )}
    </section>
  );
}
