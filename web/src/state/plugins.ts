import { effect } from '@preact/signals';
import { RequestError, readPlugins } from '../api';
import { environment } from './environment';
import { store } from './store';

/** How often the plugins' states are read while no live channel tells them. */
const EVERY_MS = 5000;

/** Keeps the plugins' states fresh while no session is open. Notices, too, when the daemon goes away and comes back meanwhile. */
export function watchPlugins(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async () => {
    try {
      store.plugins.value = (await readPlugins(environment.fetch)).plugins;
      store.unreachable.value = false;
    } catch (error) {
      if (store.running.value) return;
      store.unreachable.value = error instanceof RequestError && error.status === 0;
      // Not for this page to know: the live channel tells a session what concerns it.
      if (error instanceof RequestError && error.status !== 0 && error.status < 500) return;
    }
    if (!store.running.value) timer = setTimeout(read, EVERY_MS);
  };
  effect(() => {
    clearTimeout(timer);
    if (!store.running.value) void read();
  });
}
