import { options, render } from 'preact';
import { App } from './app';
import { controller } from './state/controller';
import { installHook } from './state/hook';
import { watchPlugins } from './state/plugins';
import { store } from './state/store';
import { applyTheme } from './state/theme';
import { leaveUplink } from './state/uplink';

/** Changes that come together in a set-up are drawn together. */
const DRAW_AFTER_MS = 10;

// At once, as Preact does it, a change would be drawn before the request that follows it in the same turn is sent.
options.debounceRendering = (draw) => {
  if (store.timeline.holding) setTimeout(draw, DRAW_AFTER_MS);
  else queueMicrotask(draw);
};

applyTheme();
installHook();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
watchPlugins();
addEventListener('pagehide', () => {
  controller.leave();
  leaveUplink();
});
