import { store } from '../state/store';
import { texts } from '../texts';

/** What went wrong, why, and what to do. */
export function ProblemNotice() {
  const problem = store.problem.value;
  // The verdict says of a connection that failed what broke and what to change: that it failed is no news then.
  const isJudged =
    store.session.value?.verdict?.outcome === 'failed' && problem?.title === texts.problem.connectionFailed;
  return (
    <div role="alert">
      {problem && !isJudged && (
        <section id="problem" class="card problem">
          <h2>{problem.title}</h2>
          <p>{problem.message}</p>
          {problem.next !== '' && <p class="next">{problem.next}</p>}
        </section>
      )}
    </div>
  );
}
