import { Candidates } from './view/candidates';
import { Connection } from './view/connection';
import { Header } from './view/header';
import { Plugins } from './view/plugins';
import { ProblemNotice } from './view/problem';
import { TimelineCard } from './view/timeline';
import { Uplink } from './view/uplink';
import { Video } from './view/video';

/** The page, top to bottom. */
export function App() {
  return (
    <>
      <Header />
      <main>
        <ProblemNotice />
        <div class="columns">
          <div class="column side">
            <Video />
            <Connection />
            <Candidates />
            <Uplink />
            <Plugins />
          </div>
          <div class="column">
            <TimelineCard />
          </div>
        </div>
      </main>
    </>
  );
}
