import type { Path, Station } from '../../state/topology/paths';
import { texts } from '../../texts';
import type { Stage } from './map';
import { pathName } from './paths';

/** Where on its way a path ends: the box in which the cross stands. */
const STOP_BOX = { 'daemon-not-sent': 'daemon', 'relay-refused': 'internet', between: 'internet', unknown: 'internet' };

/** A path as a line through the boxes. */
export function Track({ path, index, stages }: { path: Path; index: number; stages: readonly Stage[] }) {
  const { role, stations, stop } = path;
  const stopAt = stop && stages.findIndex(({ box }) => box === STOP_BOX[stop]);
  return (
    <ol
      class="topology-track"
      style={{ '--path': index }}
      data-path={path.pair.id}
      data-role={role}
      data-family={path.family}
      data-stop={stop}
      aria-label={`${texts.topology.role[role]}: ${pathName(path)}`}
    >
      {stages.map(({ box }, place) => {
        const station = stations.find((one) => one.box === box);
        const isStop = place === stopAt;
        const line = lineOf(station?.via ?? 'past', box, Math.sign(place - (stopAt ?? place)), path);
        return (
          <li
            key={box}
            style={{ '--stage': place + 1 }}
            data-box={box}
            data-via={station?.via ?? 'past'}
            data-line={line}
          >
            {line !== 'none' && <i class={`topology-line ${line}`} />}
            <Mark station={station} isStop={isStop} isDrawn={line !== 'none'} />
          </li>
        );
      })}
    </ol>
  );
}

/** How much of a path's line there is in a box. `side`: −1 before the place where the path stops, 1 behind it, 0 there or nowhere. */
function lineOf(via: Station['via'], box: string, side: number, { stop, sentBy }: Path): string {
  const isSent = side < 0 ? sentBy.browser : side > 0 ? sentBy.daemon : true;
  if (stop !== undefined && !isSent) return 'none';
  if (box === 'browser') return 'first';
  if (stop !== undefined && side === 0) {
    const isWhole = sentBy.browser && sentBy.daemon && box !== 'daemon';
    return isWhole ? 'whole' : sentBy.browser ? 'last' : sentBy.daemon && box !== 'daemon' ? 'first' : 'none';
  }
  if (box === 'daemon') return 'last';
  if (via === 'unknown') return 'dotted';
  return via === 'past' && box !== 'internet' ? 'arch' : 'whole';
}

function Mark({ station, isStop, isDrawn }: { station: Station | undefined; isStop: boolean; isDrawn: boolean }) {
  const via = station?.via ?? 'past';
  if (isStop) {
    return (
      <>
        <i class="stop">✕</i>
        <Label station={station} />
      </>
    );
  }
  if (!isDrawn) return null;
  return (
    <>
      {via === 'unknown' ? <i class="doubt">?</i> : via === 'past' ? null : <i class="dot" />}
      <Label station={station} />
    </>
  );
}

function Label({ station }: { station: Station | undefined }) {
  const label = shortLabel(station);
  if (station === undefined || label === undefined) return null;
  const { via, box } = station;
  return (
    <span class="label">
      {via !== 'end' && box !== 'internet' && <span class="hidden">{texts.topology.via[via]} </span>}
      {label}
    </span>
  );
}

/** What stands at a way's station; nothing where it goes through no server, or past a NAT. */
export function shortLabel(station: Station | undefined): string | undefined {
  if (station === undefined || (station.label === undefined && station.via === 'past')) return undefined;
  // A name of mDNS is long and tells nothing.
  return station.label?.replace(/^(.{4}).*(?=\.local:)/, '$1…') ?? texts.topology.unknown;
}
