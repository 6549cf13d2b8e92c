import type { Event } from '../generated/Event';
import { isLive, store, type Times } from './store';

/**
 * What tests may read of the page: `window.icescope`. Nothing here changes anything.
 * The table draws only a part of a long timeline; `events()` has all of it.
 */
export interface TestHook {
  /** The events of the session that is shown, from both ends, in order of sequence (the table is in order of time). */
  events(): Event[];
  /** Milestones in milliseconds of `performance.now()`; undefined until reached. */
  readonly times: Readonly<Times>;
  /** The name of the session that is shown; of the page's own from its opening on. */
  readonly session: string | undefined;
}

declare global {
  interface Window {
    readonly icescope: TestHook;
  }
}

/** Hangs the hook on the window, read-only. */
export function installHook(): void {
  const hook: TestHook = Object.freeze({
    events: () => structuredClone(store.timeline.events.toSorted((a, b) => a.sequence - b.sequence)),
    get times() {
      return { ...store.times.value };
    },
    get session() {
      return isLive.value ? store.sessionId.value : store.session.value?.id;
    },
  });
  Object.defineProperty(window, 'icescope', { value: hook, enumerable: true });
}
