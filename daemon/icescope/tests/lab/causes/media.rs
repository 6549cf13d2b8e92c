//! Media.

use super::scene::{Scene, World, chain};
use super::watch::Expected::Fails;
use super::{Provoked, provoked};

const ONLY_AV1: &str = "
  const { prototype } = RTCPeerConnection;
  const { addTransceiver } = prototype;
  prototype.addTransceiver = function (...words) {
    const transceiver = addTransceiver.apply(this, words);
    const { codecs } = RTCRtpReceiver.getCapabilities('video');
    transceiver.setCodecPreferences(codecs.filter((codec) => codec.mimeType === 'video/AV1'));
    return transceiver;
  };";

/// The first octet of RTP and RTCP: 128 to 191 (RFC 7983 §7).
const RTP: &str = "meta l4proto udp @th,64,2 2";

pub fn all() -> Vec<Provoked> {
    vec![
        provoked("a browser that takes AV1 only", Fails("G1"), |world| Scene::open(world).script(ONLY_AV1)),
        provoked("frames that no decoder understands", Fails("G2"), |world| fixture(world, "gop = 10")),
        provoked("RTP is dropped", Fails("G4"), |world| {
            Scene::open(world).at_daemon(&chain("output", &format!("{RTP} drop")))
        }),
    ]
}

/// A source that does as it is told.
fn fixture(world: &World, config: &str) -> Scene {
    let tables = format!(
        "[[plugin]]\nname = \"camera\"\npath = \"fixtures\"\nid = \"org.icescope.fixture.source\"\n\
         [plugin.config]\nfps = 25\nframe_bytes = 900\n{config}\n"
    );
    Scene::open(world).config(|config| config.more(&tables).set("source", "plays = \"camera\""))
}
