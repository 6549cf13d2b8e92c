import { useEffect, useRef } from 'preact/hooks';
import { past, watchPast } from '../../state/past';
import { store } from '../../state/store';
import { texts } from '../../texts';
import { Help } from '../help';
import { Import } from './import';
import { SessionList } from './list';
import { Token } from './token';

const words = texts.sessions;

/** The sessions before this one, and those of files. */
export function SessionsCard() {
  const card = useRef<HTMLElement>(null);
  const running = store.running.value;
  // Read while somebody looks at it, and when a session of this page begins or ends.
  useEffect(() => watchWhileSeen(card.current), [running]);
  return (
    <section id="sessions" class="card sessions-card" ref={card} aria-labelledby="sessions-title">
      <div class="head">
        <h2 id="sessions-title">{words.title}</h2>
        <p class="quiet">{words.about}</p>
      </div>
      <Help lines={words.helpText} />
      <Import />
      {past.problem.value && (
        <p class="bad" role="status">
          {past.problem.value}
        </p>
      )}
      <Token />
      <SessionList />
    </section>
  );
}

function watchWhileSeen(card: HTMLElement | null): (() => void) | undefined {
  if (card === null) return undefined;
  let stop: (() => void) | undefined;
  const seen = new IntersectionObserver((entries) => {
    const visible = entries.at(-1)?.isIntersecting === true;
    if (visible) stop ??= watchPast();
    else {
      stop?.();
      stop = undefined;
    }
  });
  seen.observe(card);
  return () => {
    seen.disconnect();
    stop?.();
  };
}
