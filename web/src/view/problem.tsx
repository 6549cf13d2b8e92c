import { store } from '../state/store';

/** What went wrong, why, and what to do. */
export function ProblemNotice() {
  const problem = store.problem.value;
  return (
    <div role="alert">
      {problem && (
        <section id="problem" class="card problem">
          <h2>{problem.title}</h2>
          <p>{problem.message}</p>
          {problem.next !== '' && <p class="next">{problem.next}</p>}
        </section>
      )}
    </div>
  );
}
