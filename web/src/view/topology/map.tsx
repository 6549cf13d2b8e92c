import type { ComponentChildren } from 'preact';
import type { NatBox } from '../../state/topology/nats';
import type { Path } from '../../state/topology/paths';
import type { EndBox, Topology } from '../../state/topology/topology';
import { texts } from '../../texts';
import { endFacts, type Fact, natFacts } from './facts';
import { Servers } from './servers';
import { shortLabel, Track } from './track';

/** A box of the picture, in its place between the two ends. */
export interface Stage {
  box: string;
  title: string;
  isCertain: boolean;
}

/** The boxes in order, from the browser to the daemon. */
export function stagesOf({ nats }: Topology): Stage[] {
  const words = texts.topology;
  const nat = ({ id, end, kind, isCertain }: NatBox): Stage => ({
    ...{ box: id, isCertain },
    title: isCertain || kind === 'cgnat' ? words.box[id] : words.maybeNat[end],
  });
  return [
    { box: 'browser', title: words.box.browser, isCertain: true },
    ...nats.browser.map(nat),
    { box: 'internet', title: words.box.internet, isCertain: true },
    ...nats.daemon.toReversed().map(nat),
    { box: 'daemon', title: words.box.daemon, isCertain: true },
  ];
}

/** Boxes side by side (on a narrow page one below the other), and each path as a line through those that it crosses. */
export function TopologyMap({ topology, paths }: { topology: Topology; paths: readonly Path[] }) {
  const stages = stagesOf(topology);
  const nats = [...topology.nats.browser, ...topology.nats.daemon];
  return (
    <div class="topology-map" style={{ '--stages': stages.length, '--paths': paths.length }}>
      {stages.map(({ box, title, isCertain }, index) => (
        <section
          key={box}
          class="topology-stage"
          style={{ '--stage': index + 1 }}
          data-box={box}
          data-certain={isCertain}
          aria-label={title}
        >
          <div class="content">
            <h3>{title}</h3>
            <Content box={box} topology={topology} nats={nats} />
            <Along box={box} paths={paths} />
          </div>
        </section>
      ))}
      {paths.map((path, index) => (
        <Track key={path.pair.id} path={path} index={index + 1} stages={stages} />
      ))}
    </div>
  );
}

function Content({ box, topology, nats }: { box: string; topology: Topology; nats: NatBox[] }): ComponentChildren {
  if (box === 'internet') return <Servers servers={topology.servers} />;
  const nat = nats.find(({ id }) => id === box);
  if (nat === undefined) return <Facts facts={endFacts(topology[box as EndBox['end']])} />;
  return (
    <>
      {nat.kind === 'cgnat' && <p class="quiet">{texts.topology.carrier}</p>}
      {nat.families.length === 0 && <p class="quiet">{texts.topology.unknown}</p>}
      <Facts facts={natFacts(nat)} />
    </>
  );
}

/** On a narrow page there is no room beside the lines: their addresses stand in the boxes, in the colours of the lines. */
function Along({ box, paths }: { box: string; paths: readonly Path[] }) {
  const stations = paths.flatMap(({ pair, role, stations }) => {
    const label = shortLabel(stations.find((one) => one.box === box));
    return label === undefined ? [] : [{ id: pair.id, role, label }];
  });
  if (stations.length === 0) return null;
  return (
    // The lines themselves say it to who does not see them.
    <ul class="along" aria-hidden="true">
      {stations.map(({ id, role, label }) => (
        <li key={id} data-role={role}>
          {label}
        </li>
      ))}
    </ul>
  );
}

function Facts({ facts }: { facts: readonly Fact[] }) {
  if (facts.length === 0) return null;
  return (
    <dl>
      {facts.map(({ name, value, meaning }, index) => (
        <div key={index} data-unknown={value === texts.topology.unknown}>
          <dt>{name}</dt>
          <dd>
            <b>{value}</b>
            {meaning && <span class="quiet"> {meaning}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
