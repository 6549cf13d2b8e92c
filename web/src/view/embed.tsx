import type { ComponentType } from 'preact';
import { controller } from '../state/controller';
import { openProblem } from '../state/open';
import { readLink } from '../state/share';
import { isLive, shownStage, store } from '../state/store';
import { texts } from '../texts';
import { Candidates } from './candidates';
import { PlotsCard } from './plots/card';
import { ProblemNotice } from './problem';
import { Sequence } from './sequence/card';
import { OpenProblem } from './sessions/banner';
import { TimelineCard } from './timeline';
import { TopologyCard } from './topology/card';
import { VerdictCard } from './verdict';
import { Video } from './video';

/** The views that a frame of another page can ask for, by `?view=`. */
const VIEWS: Record<string, ComponentType> = {
  verdict: VerdictCard,
  sequence: Sequence,
  topology: TopologyCard,
  candidates: Candidates,
  video: Video,
  plots: PlotsCard,
  timeline: TimelineCard,
};

/** The views that the address asks for; undefined: the whole page. */
export function wishedViews(search: string): string[] | undefined {
  const wished = new URLSearchParams(search).get('view');
  if (wished === null) return undefined;
  return wished
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
}

/** Only these views, filling the frame: of the session that a link names, else of one that is started here. */
export function Embed({ views }: { views: readonly string[] }) {
  const words = texts.sessions.embed;
  const unknown = views.filter((name) => !Object.hasOwn(VIEWS, name));
  const linked = !isLive.value || openProblem.value !== undefined || readLink(location.hash) !== undefined;
  return (
    <main class="embed" data-views={views.join(' ')} data-shown={isLive.value ? 'live' : 'other'}>
      <h1 class="hidden">{texts.name}</h1>
      {(views.length === 0 || unknown.length > 0) && (
        <p class="card problem" role="alert">
          {words.unknown(unknown.join(', '), Object.keys(VIEWS))}
        </p>
      )}
      {linked ? <OpenProblem /> : <Run />}
      {views.map((name) => {
        const View = Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined;
        if (View === undefined) return null;
        if (View === Video && linked) return <p class="card quiet">{words.noPicture}</p>;
        return <View key={name} />;
      })}
      {!linked && !views.includes('video') && (
        // A session needs a place for its picture, even where only its arrows are looked at.
        <div class="embed-unseen" inert>
          <Video />
        </div>
      )}
    </main>
  );
}

/** Starts and stops a session of the frame's own. */
function Run() {
  const running = store.running.value;
  const stage = shownStage.value;
  return (
    <>
      <div class="embed-run">
        <button id="start" type="button" class={running ? 'stop' : 'primary'} onClick={() => controller.toggle()}>
          {running ? texts.stop : texts.start}
        </button>
        <p id="state" class="state" data-state={stage} role="status">
          <span class="dot" aria-hidden="true" />
          <strong>{texts.stageName[stage]}</strong>
        </p>
      </div>
      <ProblemNotice />
    </>
  );
}
