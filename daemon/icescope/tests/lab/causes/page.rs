//! The page and signalling.

use icescope_model::verdict::Weight::{Degraded, Harmless};

use super::scene::Scene;
use super::watch::Expected::{Connects, Fails};
use super::{Provoked, provoked};

/// A middlebox or a page of somebody else's that loses candidates on their way.
const NO_CANDIDATES: &str = "
  const { fetch } = window;
  window.fetch = (path, init = {}) => {
    if (init.method === 'PATCH') return Promise.resolve(new Response(null, { status: 204 }));
    if (typeof init.body === 'string') init.body = init.body.replaceAll(/a=candidate:.*\\r\\n/g, '');
    return fetch(path, init);
  };";

const NO_IF_MATCH: &str = "
  const { fetch } = window;
  window.fetch = (path, init = {}) => {
    const headers = new Headers(init.headers);
    headers.delete('If-Match');
    return fetch(path, { ...init, headers });
  };";

const REFUSES_CANDIDATES: &str = "
  RTCPeerConnection.prototype.addIceCandidate = () => Promise.reject(new DOMException('The remote description was null', 'InvalidStateError'));
  const { fetch } = window;
  window.fetch = async (path, init) => {
    const response = await fetch(path, init);
    if (response.status !== 201 || !(response.headers.get('content-type') ?? '').includes('sdp')) return response;
    const text = (await response.text()).replaceAll(/a=candidate:.*\\r\\n/g, '');
    const changed = new Response(text, response);
    Object.defineProperty(changed, 'url', { value: response.url });
    return changed;
  };";

const WAITS: &str = "
  const { prototype } = RTCPeerConnection;
  const { setLocalDescription } = prototype;
  prototype.setLocalDescription = async function (...words) {
    await setLocalDescription.apply(this, words);
    await new Promise((resolve) => setTimeout(resolve, 3000));
  };";

const ANOTHER_SOURCE: &str = "
  const { fetch } = window;
  window.fetch = (path, init) => fetch(String(path).endsWith('/whep') ? `${path}/none` : path, init);";

const NO_WEBRTC: &str = "delete window.RTCPeerConnection;";

pub fn all() -> Vec<Provoked> {
    vec![
        provoked("page over http at an address", Connects("A1", Harmless), |world| {
            Scene::open(world).origin("203.0.113.251:8085".parse().expect("an address"))
        }),
        provoked("tunnel to a daemon with private addresses only", Fails("A2"), |world| {
            Scene::homes(world).daemon_servers(&[]).browser_servers(&world.stun())
        }),
        provoked("PATCH without If-Match", Connects("A3", Degraded), |world| {
            Scene::open(world).servers(&world.stun()).script(NO_IF_MATCH)
        }),
        provoked("candidates get lost on their way", Fails("A4"), |world| {
            Scene::homes(world).servers(&world.stun()).script(NO_CANDIDATES)
        }),
        provoked("the page cannot add candidates", Fails("A4"), |world| {
            Scene::homes(world).servers(&world.stun()).script(REFUSES_CANDIDATES)
        }),
        provoked("the page waits 3 s before it sends its offer", Connects("A6", Degraded), |world| {
            Scene::open(world).script(WAITS)
        }),
        provoked("a source that there is not", Fails("A7"), |world| {
            Scene::open(world).script(ANOTHER_SOURCE)
        }),
        provoked("no interface is let in", Fails("A8"), |world| {
            Scene::open(world).config(|config| config.set("ice.interfaces", "include = [\"none*\"]"))
        }),
        provoked("a browser without WebRTC", Fails("B7"), |world| Scene::open(world).script(NO_WEBRTC)),
    ]
}
