import type { Stage } from './attempt';
import type { ConnectionView } from './observe';

/**
 * What the connection's state means for the attempt; nothing where it says no more than before.
 *
 * A browser calls ICE failed after some 15 s (Chromium). RFC 8863 waits 39.5 s, and so long the daemon goes on checking: what its
 * checks still bring up is a real success, to which the browser comes back by itself. So that «failed» ends nothing here.
 */
export function stageOf(view: ConnectionView, wasConnected: boolean): Stage | undefined {
  // Chromium calls ICE itself «disconnected» then, so what counts is that it is not up: a handshake that failed over a path that
  // works is no matter of patience.
  const isUp = view.ice === 'connected' || view.ice === 'completed';
  if (view.connection === 'failed') return isUp || wasConnected ? 'failed' : 'late';
  if (view.connection === 'connected' || view.connection === 'disconnected') return view.connection;
  return undefined;
}
