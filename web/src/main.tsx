import { options, render } from 'preact';
import { App } from './app';
import { controller } from './state/controller';
import { certificates } from './state/environment';
import { hold } from './state/hold';
import { installHook } from './state/hook';
import { watchPlugins } from './state/plugins';
import { watchProbes } from './state/probes';
import { watchLink } from './state/share';
import { applyTheme } from './state/theme';
import { leaveUplink } from './state/uplink';
import { Embed, wishedViews } from './view/embed';

// What a click changes is drawn at once, as Preact does it; what a set-up changes, when it is over.
options.debounceRendering = (draw) => {
  if (hold.active) hold.after(draw);
  else queueMicrotask(draw);
};

applyTheme();
installHook();
const root = document.getElementById('app');
const views = wishedViews(location.search);
if (root !== null) render(views === undefined ? <App /> : <Embed views={views} />, root);
watchLink();
watchPlugins();
watchProbes();
void certificates.prepare();
addEventListener('pagehide', () => {
  controller.leave();
  leaveUplink();
});
