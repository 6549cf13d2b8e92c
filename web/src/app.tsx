import { Candidates } from './view/candidates';
import { Connection } from './view/connection';
import { Header } from './view/header';
import { Plugins } from './view/plugins';
import { Probes } from './view/probes';
import { ProblemNotice } from './view/problem';
import { Sequence } from './view/sequence/card';
import { TimelineCard } from './view/timeline';
import { TopologyCard } from './view/topology/card';
import { Uplink } from './view/uplink';
import { VerdictCard } from './view/verdict';
import { Video } from './view/video';

/** The page, top to bottom. */
export function App() {
  return (
    <>
      <Header />
      <Plugins />
      <main>
        <VerdictCard />
        <ProblemNotice />
        <div class="columns">
          <div class="column first">
            <Video />
            <Connection />
          </div>
          <div class="column story">
            <Sequence />
            <TimelineCard />
          </div>
          <div class="column last">
            <Uplink />
          </div>
        </div>
        <TopologyCard />
        <Candidates />
        <Probes />
      </main>
    </>
  );
}
