import { type Candidate, endpoint } from '../rtc/candidate';
import { store } from '../state/store';
import { texts } from '../texts';

/** Candidates of both ends. */
export function Candidates() {
  return (
    <section class="card" aria-labelledby="candidates-title">
      <h2 id="candidates-title">{texts.candidates.title}</h2>
      <Table id="local-candidates" title={texts.candidates.local} candidates={store.local.value} />
      <Table id="remote-candidates" title={texts.candidates.remote} candidates={store.remote.value} />
    </section>
  );
}

function Table({ id, title, candidates }: { id: string; title: string; candidates: readonly Candidate[] }) {
  const words = texts.candidates;
  return (
    <table id={id} class="candidates">
      <caption>{title}</caption>
      {candidates.length === 0 ? (
        <tbody>
          <tr>
            <td class="none">{words.none}</td>
          </tr>
        </tbody>
      ) : (
        <>
          <thead>
            <tr>
              <th scope="col">{words.type}</th>
              <th scope="col">{words.protocol}</th>
              <th scope="col">{words.address}</th>
              <th scope="col" class="number">
                {words.priority}
              </th>
            </tr>
          </thead>
          <tbody>
            {candidates.map((candidate) => (
              <tr key={`${candidate.foundation} ${endpoint(candidate)} ${candidate.protocol} ${candidate.priority}`}>
                <td>{candidate.candidateType}</td>
                <td>
                  {candidate.protocol}
                  {candidate.tcpType && ` ${candidate.tcpType}`}
                </td>
                <td class="address" title={candidate.url}>
                  {endpoint(candidate)}
                </td>
                <td class="number">{candidate.priority}</td>
              </tr>
            ))}
          </tbody>
        </>
      )}
    </table>
  );
}
