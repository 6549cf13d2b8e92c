import { render } from 'preact';
import { App } from './app';
import { controller } from './state/controller';
import { installHook } from './state/hook';
import { watchPlugins } from './state/plugins';
import { applyTheme } from './state/theme';
import { leaveUplink } from './state/uplink';

applyTheme();
installHook();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
watchPlugins();
addEventListener('pagehide', () => {
  controller.leave();
  leaveUplink();
});
