import { type IceCandidate, placeOf } from '../state/ice/candidates';
import { decodePriority } from '../state/ice/priority';
import { ice } from '../state/ice/view';
import { texts } from '../texts';
import { time } from './format';
import { Help } from './help';
import { Matrix } from './pairs/matrix';
import { Scroll } from './scroll';

/** Candidates of both ends, and their pairs. */
export function Candidates() {
  const { browser, daemon } = ice.value.candidates;
  const words = texts.candidates;
  return (
    <section id="candidates" class="card candidates-card" aria-labelledby="candidates-title">
      <h2 id="candidates-title">{words.title}</h2>
      <Help lines={words.help} />
      <div class="both-ends">
        <Table id="local-candidates" title={words.local} candidates={browser} />
        <Table id="remote-candidates" title={words.remote} candidates={daemon} />
      </div>
      <Matrix />
    </section>
  );
}

function Table({ id, title, candidates }: { id: string; title: string; candidates: readonly IceCandidate[] }) {
  const words = texts.candidates;
  const { column } = words;
  if (candidates.length === 0) {
    return (
      <div>
        <h3>{title}</h3>
        <p id={id} class="quiet">
          {words.none}
        </p>
      </div>
    );
  }
  return (
    <Scroll label={`${words.title}: ${title}`}>
      <table id={id} class="candidates">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">{column.type}</th>
            <th scope="col">{column.address}</th>
            <th scope="col" class="number">
              {column.priority}
            </th>
            <th scope="col">{column.server}</th>
            <th scope="col" class="number">
              {column.gathered}
            </th>
            <th scope="col" class="number">
              {column.arrived}
            </th>
          </tr>
        </thead>
        <tbody>
          {candidates.map((candidate) => (
            <Row key={candidate.id} candidate={candidate} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Row({ candidate }: { candidate: IceCandidate }) {
  const words = texts.candidates;
  const { id, candidateType, protocol, tcpType, isHidden, isPast, seenAs, leftOut, relayProtocol, url } = candidate;
  return (
    <tr data-candidate={id} data-type={candidateType} data-mdns={isHidden} data-past={isPast}>
      <td>
        <b>{candidateType}</b> {protocol}
        {tcpType && ` ${tcpType}`}
        {isPast && <span class="mark">{words.past}</span>}
      </td>
      <td class="address">
        {placeOf(candidate) || words.hidden}
        {isHidden && (
          <span class="mark" title={words.mdnsWhy}>
            {words.mdns}
          </span>
        )}
        {seenAs.map((place) => (
          <span key={place} class="also">
            {words.seenAs(place)}
          </span>
        ))}
        {leftOut && <span class="also bad">{words.leftOut(leftOut)}</span>}
      </td>
      <td class="number">
        <Priority priority={candidate.priority} />
      </td>
      <td class="address">
        {url ?? '–'}
        {relayProtocol && <span class="also">{words.relayProtocol(relayProtocol)}</span>}
      </td>
      <td class="number">{candidate.gathered === undefined ? '–' : time(candidate.gathered)}</td>
      <td class="number">{candidate.arrived === undefined ? '–' : time(candidate.arrived)}</td>
    </tr>
  );
}

/** The number, and what it is made of (RFC 8445 §5.1.2.1). */
function Priority({ priority }: { priority: number | undefined }) {
  if (priority === undefined) return <>–</>;
  const { typePreference, localPreference, component } = decodePriority(priority);
  return (
    <>
      {priority}
      <span class="also" title={texts.candidates.priorityParts}>
        {typePreference} · {localPreference} · {component}
      </span>
    </>
  );
}
