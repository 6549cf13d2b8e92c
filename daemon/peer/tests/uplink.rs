//! A client's own picture is measured and goes nowhere.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::client::{Client, SENDING_SSRC, codec};
use common::sources::{Scripted, vp8};
use common::{PATIENCE, options, play, rig};
use icescope_model::SessionId;
use icescope_model::signal::{Direction, Offer, PeerState, SignalError};
use rtc::rtp;

fn ingest(sdp: String) -> Offer {
    Offer { direction: Direction::Ingest, ..play(sdp) }
}

/// One packet of a frame; every thirtieth begins a key frame of 320×240.
fn packet(sequence: u16) -> rtp::Packet {
    let head: &[u8] = &[0x90, 0x80, 0x80, 1, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00];
    let delta: &[u8] = &[0x90, 0x80, 0x80, 1, 0x11, 0, 0];
    let mut payload = if sequence.is_multiple_of(30) { head.to_vec() } else { delta.to_vec() };
    payload.resize(200, 0);
    let header = rtp::Header {
        version: 2,
        marker: true,
        payload_type: 96,
        sequence_number: sequence,
        timestamp: u32::from(sequence) * 3000,
        ssrc: SENDING_SSRC,
        ..rtp::Header::default()
    };
    rtp::Packet { header, payload: Bytes::from(payload) }
}

/// A packet of nothing but padding, as libwebrtc probes the path with.
fn padding(sequence: u16) -> rtp::Packet {
    let mut packet = packet(sequence);
    (packet.header.padding, packet.header.marker, packet.payload) = (true, false, Bytes::new());
    packet
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_measured() {
    let sources = Scripted::new(&[("bars", vec![vp8()])]);
    let mut rig = rig(options(), sources.clone());
    let mut client = Client::new(&[codec("VP8", 96, "")], true).await.unwrap();
    let id = SessionId::random();
    let answer = rig.peer.answer(id, ingest(client.offer().await)).await.unwrap();
    assert!(answer.sdp.contains("a=recvonly"), "{}", answer.sdp);
    client.accept(&answer).await;
    let mut state = answer.link.state.clone();
    tokio::time::timeout(PATIENCE, state.wait_for(|state| *state == PeerState::Connected))
        .await
        .unwrap()
        .unwrap();
    client.connected().await;
    let track = client.sending.clone().unwrap();
    // The tick paces the sender; what is waited for is the observation.
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let sending = async {
        for sequence in (30..).filter(|sequence| *sequence != 45) {
            tick.tick().await;
            let probes = sequence % 30 == 7;
            track.write_rtp(if probes { padding(sequence) } else { packet(sequence) }).await.unwrap();
            if rig.peer.uplink(id).unwrap().key_frames_received >= 3 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.unwrap();
    let stats = rig.peer.uplink(id).unwrap();
    assert_eq!((stats.frame_width, stats.frame_height), (320, 240), "{stats:?}");
    assert_eq!((stats.mime_type.as_str(), stats.packets_lost), ("video/VP8", 1), "{stats:?}");
    assert!(stats.frames_per_second > 10.0 && stats.bits_per_second > 16_000.0, "{stats:?}");
    assert!(stats.packets_received > stats.frames_received, "some were padding: {stats:?}");
    assert_eq!(stats.bytes_received, stats.frames_received * 200);
    let first = rig.event("media.first_frame_received").await;
    assert_eq!(first.attributes["frameWidth"], 320);
    assert!(sources.opened().is_empty(), "nothing is played");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_receives_cannot_be_measured() {
    let rig = rig(options(), Scripted::new(&[("bars", vec![vp8()])]));
    let sdp = Client::viewer().await.offer().await;
    let refused = rig.peer.answer(SessionId::random(), ingest(sdp)).await;
    assert!(matches!(refused, Err(SignalError::BadOffer(_))), "{refused:?}");
    let playing = rig.peer.uplink(SessionId::random());
    assert!(playing.is_none());
    rig.peer.shut_down().await;
}
