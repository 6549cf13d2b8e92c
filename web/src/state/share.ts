import { effect } from '@preact/signals';
import { shareSession } from '../api';
import { environment } from './environment';
import { backToLive, openRemembered, readingKey } from './open';
import { isLive, shown, store } from './store';

/** A session that a link shows. */
export interface SharedLink {
  session: string;
  key: string;
}

/** Reads `#session=ID&key=KEY`. The secret stands behind the «#»: browsers send that part to nobody, and it is in no log. */
export function readLink(hash: string): SharedLink | undefined {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const [session, key] = [fields.get('session'), fields.get('key')];
  return session === null || key === null ? undefined : { session, key };
}

/** The link to a session, on this page without its views' wishes. */
export function linkTo({ session, key }: SharedLink, page: string = location.origin + location.pathname): string {
  return `${page}#${new URLSearchParams({ session, key })}`;
}

/** Asks the daemon for the key of a link to a session. */
export async function makeLink(id: string): Promise<string> {
  const opened = readLink(location.hash);
  // Who came by a link may hand it on, and may make no other.
  if (opened?.session === id) return linkTo(opened);
  const { key } = await shareSession(environment.fetch, id, readingKey(id));
  return linkTo({ session: id, key });
}

/** Opens what the address names, now and whenever it changes. */
export function watchLink(): void {
  const open = () => {
    const link = readLink(location.hash);
    if (link !== undefined) void openRemembered(link.session, link.key);
    else if (!isLive.value) backToLive();
  };
  if (readLink(location.hash) !== undefined) open();
  addEventListener('hashchange', open);
  // A session of this page's own takes the link's place.
  effect(() => {
    if (store.running.value && shown.value === store.live && readLink(location.hash) !== undefined) {
      history.replaceState(null, '', location.pathname + location.search);
    }
  });
}
