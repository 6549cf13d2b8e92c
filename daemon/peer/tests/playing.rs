//! Sessions that play, over loopback, against a client of the same crate.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::client::{Client, codec, mark};
use common::sources::{Scripted, h264, h264_unit, vp8, vp8_unit};
use common::{options, rig};
use icescope_model::SessionId;
use icescope_model::signal::PeerState;

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_answered_and_sees_the_kept_key_frame_at_once() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let mut rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    let answer = rig.play(SessionId::random(), client.offer().await).await;
    assert!(answer.sdp.contains("a=setup:passive"), "{}", answer.sdp);
    assert!(answer.sdp.contains("a=candidate:"), "{}", answer.sdp);
    assert!(answer.sdp.contains("a=rtpmap:96 VP8/90000"), "{}", answer.sdp);
    let stream = sources.last();
    stream.unit(vp8_unit(0, true, 3000, 1));
    stream.unit(vp8_unit(1, false, 500, 2));
    rig.event("ice.candidate").await;
    client.accept(&answer).await;
    client.connected().await;
    // Nothing more comes from the source: these are the kept ones.
    let (first, second) = (client.frame().await, client.frame().await);
    assert_eq!((mark(&first), mark(&second)), (1, 2));
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|packet| packet.payload.len() <= 1188));
    let mut state = answer.link.state.clone();
    state.wait_for(|state| *state == PeerState::Connected).await.unwrap();
    let pair = rig.event("ice.selected_pair").await;
    assert_eq!(pair.attributes["localAddress"], "127.0.0.1", "{pair:?}");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h264_goes_out_with_its_parameter_sets() {
    let sources = Scripted::new(&[("bars", vec![h264(), vp8()])]);
    let rig = rig(options(), sources.clone());
    let fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    let codecs = [codec("VP8", 96, ""), codec("H264", 102, fmtp)];
    let mut client = Client::new(&codecs, false).await.unwrap();
    let answer = rig.play(SessionId::random(), client.offer().await).await;
    assert!(answer.sdp.contains("a=rtpmap:102 H264/90000"), "{}", answer.sdp);
    assert!(!answer.sdp.contains("VP8"), "{}", answer.sdp);
    sources.last().unit(h264_unit(0, true, 3000));
    client.accept(&answer).await;
    let frame = client.frame().await;
    assert_eq!(frame[0].payload[0] & 0x1f, 24, "STAP-A with SPS and PPS");
    assert_eq!(frame[1].payload[0] & 0x1f, 28, "FU-A");
    assert_eq!(frame[0].header.payload_type, 102);
    rig.peer.shut_down().await;
}
