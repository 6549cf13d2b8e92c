import { isLive } from './state/store';
import { Candidates } from './view/candidates';
import { Connection } from './view/connection';
import { Header } from './view/header';
import { PlotsCard } from './view/plots/card';
import { Plugins } from './view/plugins';
import { Probes } from './view/probes';
import { ProblemNotice } from './view/problem';
import { Sequence } from './view/sequence/card';
import { Banner, OpenProblem } from './view/sessions/banner';
import { SessionsCard } from './view/sessions/card';
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
      <main data-shown={isLive.value ? 'live' : 'other'}>
        <Banner />
        <OpenProblem />
        <VerdictCard />
        {isLive.value && <ProblemNotice />}
        <div class="top">
          <Video />
          <Sequence />
          <div class="ends own" inert={!isLive.value}>
            <Connection />
            <Uplink />
          </div>
        </div>
        <TopologyCard />
        <Candidates />
        <PlotsCard />
        <Probes />
        <TimelineCard />
        <SessionsCard />
      </main>
    </>
  );
}
