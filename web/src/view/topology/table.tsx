import type { Path } from '../../state/topology/paths';
import type { Topology } from '../../state/topology/topology';
import { texts } from '../../texts';
import { Scroll } from '../scroll';
import { endFacts, type Fact, natFacts } from './facts';
import { stagesOf } from './map';
import { pathName, pathWhy } from './paths';

/** The same data as the picture has, as two tables. */
export function TopologyTable({ topology, paths }: { topology: Topology; paths: readonly Path[] }) {
  const words = texts.topology;
  const { column } = words;
  return (
    <details class="as-table">
      <summary>{words.table}</summary>
      <Scroll label={words.table}>
        <table id="topology-boxes">
          <thead>
            <tr>
              <th scope="col">{column.box}</th>
              <th scope="col">{column.fact}</th>
              <th scope="col">{column.value}</th>
            </tr>
          </thead>
          <tbody>
            {stagesOf(topology).flatMap(({ box, title }) =>
              factsOf(box, topology).map(({ name, value, meaning }, index) => (
                <tr key={`${box} ${index}`} data-box={box}>
                  <td>{title}</td>
                  <td>{name}</td>
                  <td>
                    {value}
                    {meaning && <span class="quiet"> {meaning}</span>}
                  </td>
                </tr>
              )),
            )}
          </tbody>
        </table>
        {paths.length > 0 && (
          <table id="topology-paths">
            <thead>
              <tr>
                <th scope="col">{column.path}</th>
                <th scope="col">{column.state}</th>
                <th scope="col">{column.way}</th>
              </tr>
            </thead>
            <tbody>
              {paths.map((path) => (
                <tr key={path.pair.id} data-path={path.pair.id}>
                  <td>{pathName(path)}</td>
                  <td>
                    {words.role[path.role]} <span class="quiet">{pathWhy(path)}</span>
                  </td>
                  <td>{wayOf(path)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Scroll>
    </details>
  );
}

function factsOf(box: string, { browser, daemon, nats, servers }: Topology): Fact[] {
  const words = texts.topology;
  if (box === 'browser') return endFacts(browser);
  if (box === 'daemon') return endFacts(daemon);
  if (box === 'internet') {
    const { server } = words;
    return servers.map(({ place, uses, relayed }) => ({
      name: place,
      value: (['browser', 'daemon'] as const)
        .flatMap((end) =>
          uses[end].map((use) => `${server.service[use.service]}, ${server.end[end]}: ${server.outcome[use.outcome]}`),
        )
        .join('; '),
      meaning: relayed.map((one) => server.relayed(one.place, server.end[one.end])).join('; '),
    }));
  }
  const nat = [...nats.browser, ...nats.daemon].find(({ id }) => id === box);
  const facts = nat === undefined ? [] : natFacts(nat);
  return facts.length > 0 ? facts : [{ name: words.title, value: words.unknown }];
}

function wayOf({ stations }: Path): string {
  const words = texts.topology;
  return stations
    .map(({ box, via, label }) => `${words.box[box as keyof typeof words.box]} (${words.via[via]} ${label ?? '–'})`)
    .join(' → ');
}
