//! Sessions that play, over loopback, against a client of the same crate.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use common::client::{Client, codec, mark};
use std::time::Duration;

use common::sources::{Scripted, h264, h264_unit, vp8, vp8_unit};
use common::{eventually, options, play, rig};
use icescope_model::media::{AccessUnit, MediaMessage};
use icescope_model::signal::{CloseReason, Direction, Offer, PeerState, SignalError};
use icescope_model::{Level, Monotonic, Observation, SessionId};
use icescope_peer::Options;
use serde_json::Value;

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
    assert!(first.iter().all(|packet| packet.payload.len() <= 1180));
    let mut state = answer.link.state.clone();
    state.wait_for(|state| *state == PeerState::Connected).await.unwrap();
    let pair = rig.event("ice.selected_pair").await;
    assert_eq!(pair.attributes["localAddress"], "127.0.0.1", "{pair:?}");
    let sent = |event: &Observation| event.attributes.get("packetsSent").and_then(Value::as_u64);
    let seen = rig.until("RTP is counted", |event| sent(event).is_some_and(|sent| sent > 0)).await;
    let counted = &seen.last().unwrap().attributes;
    assert!(counted["bytesSent"].as_u64() > sent(seen.last().unwrap()).map(|sent| sent * 100), "{counted:?}");
    assert_eq!((&counted["nackCount"], counted.get("packetsLost")), (&0.into(), None), "{counted:?}");
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

/// A viewer that has shown a first frame; gives its SSRC and the last packet.
async fn watching(rig: &common::Rig, client: &mut Client, id: SessionId) -> icescope_model::signal::Answer {
    let answer = rig.play(id, client.offer().await).await;
    client.accept(&answer).await;
    client.connected().await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn two_viewers_share_one_encoder_and_each_has_its_own_numbers() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let mut rig = rig(options(), sources.clone());
    let (mut one, mut two) = (Client::viewer().await, Client::viewer().await);
    watching(&rig, &mut one, SessionId::random()).await;
    watching(&rig, &mut two, SessionId::random()).await;
    assert_eq!(sources.opened().len(), 1);
    let captured = Some(Monotonic::now());
    sources.last().unit(AccessUnit { captured, ..vp8_unit(0, true, 2500, 7) });
    let (first, second) = (one.frame().await, two.frame().await);
    assert_eq!((mark(&first), mark(&second)), (7, 7));
    // One picture, taken once, has another timestamp for each viewer, and each is told its own.
    let is_told = |event: &Observation| event.kind == "rtp.capture_clock";
    let mut seen = rig.until("one viewer's capture clock", is_told).await;
    seen.extend(rig.until("the other's", is_told).await);
    let told: Vec<_> = seen.iter().filter(|event| is_told(event)).collect();
    assert!(told.iter().all(|event| Some(event.at) == captured), "{told:?}");
    let told: Vec<_> =
        told.iter().map(|event| (&event.attributes["ssrc"], &event.attributes["rtpTimestamp"])).collect();
    for frame in [&first, &second] {
        let header = &frame[0].header;
        assert!(told.contains(&(&header.ssrc.into(), &header.timestamp.into())), "{told:?}");
    }
    assert_ne!(first[0].header.ssrc, second[0].header.ssrc);
    let numbers = |frame: &[common::client::Received]| {
        frame.iter().map(|p| p.header.sequence_number).collect::<Vec<_>>()
    };
    assert_ne!(numbers(&first), numbers(&second));
    assert_eq!(seen.iter().filter(|event| event.kind == "media.first_frame_sent").count(), 2);
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_key_frames_are_coalesced() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let mut rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    let answer = rig.play(SessionId::random(), client.offer().await).await;
    let stream = sources.last();
    assert_eq!(stream.key_frames_asked(), 1, "asked while the connection comes up");
    stream.unit(vp8_unit(0, true, 100, 1));
    client.accept(&answer).await;
    let ssrc = client.frame().await[0].header.ssrc;
    for _ in 0..3 {
        client.pli(ssrc).await;
    }
    let mut coalesced = Vec::new();
    while coalesced.len() < 3 {
        let event = rig.event("media.key_frame_requested").await;
        assert_eq!(event.attributes["reason"], "PLI");
        coalesced.push(event.attributes["coalesced"].as_bool().unwrap());
    }
    assert!(coalesced[1] && coalesced[2], "{coalesced:?}");
    assert!(stream.key_frames_asked() <= 2);
    // The waiting request is made with one of the next frames, once the interval has passed.
    let mut number = 1;
    let before = stream.key_frames_asked();
    eventually("the waiting request is made", || {
        stream.unit(vp8_unit(number, false, 100, 2));
        number += 1;
        stream.key_frames_asked() > before
    })
    .await;
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_viewer_goes_over_to_another_source_without_a_seam() {
    let sources = Scripted::new(&[("bars", vec![vp8()]), ("camera", vec![h264(), vp8()])]);
    let mut rig = rig(Options { keep_warm: Duration::ZERO, ..options() }, sources.clone());
    let mut client = Client::viewer().await;
    watching(&rig, &mut client, SessionId::random()).await;
    let bars = sources.last();
    bars.unit(vp8_unit(100, true, 100, 1));
    let last = client.frame().await.pop().unwrap();
    sources.set_default("camera");
    rig.peer.set_default_source("camera");
    rig.event("media.source_changed").await;
    let camera = sources.last();
    assert_eq!((camera.source.as_str(), camera.format), ("camera", 1), "the format that was negotiated");
    assert!(camera.key_frames_asked() > 0);
    camera.unit(vp8_unit(5, false, 100, 8));
    bars.unit(vp8_unit(101, false, 100, 2));
    assert_eq!(mark(&client.frame().await), 2, "the old source goes on until the new one has a key frame");
    camera.unit(vp8_unit(6, true, 100, 9));
    camera.unit(vp8_unit(7, false, 100, 10));
    let (key, delta) = (client.frame().await, client.frame().await);
    assert_eq!((mark(&key), mark(&delta)), (9, 10));
    let header = &key[0].header;
    assert_eq!(header.ssrc, last.header.ssrc);
    assert_eq!(header.sequence_number, last.header.sequence_number.wrapping_add(2));
    let step = header.timestamp.wrapping_sub(last.header.timestamp);
    assert!((1..90_000 * 20).contains(&step), "time goes on: {step}");
    assert_eq!(delta[0].header.timestamp.wrapping_sub(header.timestamp), 3000);
    let picture = |packet: &common::client::Received| {
        u16::from_be_bytes([packet.payload[2], packet.payload[3]]) & 0x7fff
    };
    assert_eq!(picture(&key[0]), (picture(&last) + 2) & 0x7fff, "picture ids go on");
    eventually("the old stream is let go", || {
        bars.is_closed() || {
            bars.unit(vp8_unit(102, false, 100, 3));
            false
        }
    })
    .await;
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_picture_was_taken_is_told_with_the_timestamp_that_it_has_on_the_wire() {
    let sources = Scripted::new(&[("bars", vec![vp8()]), ("camera", vec![vp8()])]);
    let mut rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    watching(&rig, &mut client, SessionId::random()).await;
    let taken = |unit: AccessUnit, captured| AccessUnit { captured: Some(captured), ..unit };
    let captured = Monotonic(Monotonic::now().0 - 40_000_000);
    sources.last().unit(taken(vp8_unit(100, true, 100, 1), captured));
    let first = client.frame().await.pop().unwrap();
    let told = rig.event("rtp.capture_clock").await;
    assert_eq!((told.at, told.level), (captured, Level::Debug));
    assert_eq!(told.attributes["rtpTimestamp"], first.header.timestamp);
    assert_eq!(told.attributes["ssrc"], first.header.ssrc);
    assert_eq!(told.attributes["clockRate"], 90_000);
    assert_eq!(told.attributes["discontinuity"], true, "nothing was told before");
    // Another source has media time of its own.
    rig.peer.set_default_source("camera");
    let captured = captured.plus(Duration::from_millis(7));
    sources.last().unit(taken(vp8_unit(3, true, 100, 2), captured));
    let second = client.frame().await.pop().unwrap();
    // Within 100 ms of the first nothing is told: then a later frame says it.
    let mut number = 4;
    let mut wire = vec![(captured, second.header.timestamp)];
    let told = loop {
        if let Some(told) = rig.next_now("rtp.capture_clock") {
            break told;
        }
        let captured = Monotonic::now();
        sources.last().unit(taken(vp8_unit(number, false, 100, 3), captured));
        wire.push((captured, client.frame().await.pop().unwrap().header.timestamp));
        number += 1;
    };
    assert_eq!(told.attributes["discontinuity"], true);
    let timestamp = wire.iter().find(|(captured, _)| *captured == told.at).map(|(_, timestamp)| *timestamp);
    assert_eq!(told.attributes["rtpTimestamp"].as_u64(), timestamp.map(u64::from));
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_the_negotiated_format_closes_the_session_and_no_other() {
    let sources = Scripted::new(&[("bars", vec![vp8()]), ("camera", vec![h264()])]);
    let mut rig = rig(options(), sources.clone());
    let (mut one, mut other) = (Client::viewer().await, Client::viewer().await);
    let follows = watching(&rig, &mut one, SessionId::random()).await;
    let named =
        Offer { direction: Direction::Play { source: Some("bars".into()) }, ..play(other.offer().await) };
    let stays = rig.peer.answer(SessionId::random(), named).await.unwrap();
    sources.set_default("camera");
    rig.peer.set_default_source("camera");
    let mut state = follows.link.state.clone();
    let closed = state.wait_for(|state| matches!(state, PeerState::Closed(_))).await.unwrap().clone();
    let words = "the video source «camera» does not offer VP8";
    assert_eq!(closed, PeerState::Closed(CloseReason::SourceEnded(words.into())));
    assert_eq!(rig.event("session.closed").await.summary, words);
    assert_eq!(*stays.link.state.borrow(), PeerState::Connecting);
    assert_eq!(rig.peer.sessions().len(), 1);
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_ends_closes_its_sessions_with_its_words() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    let answer = rig.play(SessionId::random(), client.offer().await).await;
    sources.last().send(MediaMessage::Ended { reason: "the camera was unplugged".into() });
    let mut state = answer.link.state.clone();
    let ended = PeerState::Closed(CloseReason::SourceEnded("the camera was unplugged".into()));
    state.wait_for(|state| *state == ended).await.unwrap();
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_without_a_common_format_or_source_are_refused() {
    let sources = Scripted::new(&[("bars", vec![h264()])]);
    let rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    let sdp = client.offer().await;
    let refused = rig.peer.answer(SessionId::random(), play(sdp.clone())).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no common video format: the offer has VP8, the source has H264 (42e01f)"
    );
    let unknown = Offer { direction: Direction::Play { source: Some("x".into()) }, ..play(sdp) };
    assert!(matches!(rig.peer.answer(SessionId::random(), unknown).await, Err(SignalError::Source(_))));
    assert!(rig.peer.sessions().is_empty() && sources.opened().is_empty());
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_stays_warm_for_a_while_and_the_default_for_ever() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let rig = rig(Options { keep_warm: Duration::from_millis(10), ..options() }, sources.clone());
    let mut client = Client::viewer().await;
    let id = SessionId::random();
    let answer = rig.play(id, client.offer().await).await;
    rig.peer.close(id, CloseReason::Deleted);
    let mut state = answer.link.state.clone();
    state.wait_for(|state| *state == PeerState::Closed(CloseReason::Deleted)).await.unwrap();
    eventually("the stream is let go", || sources.last().is_closed()).await;
    rig.peer.reconfigure(Options { warm_default: true, keep_warm: Duration::ZERO, ..options() });
    assert_eq!(sources.opened().len(), 2, "opened without a viewer");
    assert!(!sources.last().is_closed());
    rig.peer.shut_down().await;
    assert!(sources.last().is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_frame_is_never_the_first() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    watching(&rig, &mut client, SessionId::random()).await;
    let stream = sources.last();
    stream.unit(vp8_unit(0, false, 100, 1));
    stream.unit(vp8_unit(1, true, 100, 2));
    assert_eq!(mark(&client.frame().await), 2);
    rig.peer.shut_down().await;
}
