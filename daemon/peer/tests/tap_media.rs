//! Media through the wiretap: counted, its first packets recorded, kept moving through a relay.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use icescope_model::Lane;
use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use tap_common::coturn::SECRET;
use tap_common::turn::{relayed, turn_server};
use tap_common::{End, Plan, connect, count, fact, soon};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

const SSRC: u32 = 0x1234_5678;
const PACKETS_PER_FRAME: u16 = 4;

/// Writes a frame; the last packet has the marker.
async fn write_frame(track: &TrackLocalStaticRTP, number: u16) {
    for part in 0..PACKETS_PER_FRAME {
        let header = Header {
            version: 2,
            marker: part + 1 == PACKETS_PER_FRAME,
            payload_type: 96,
            sequence_number: number * PACKETS_PER_FRAME + part,
            timestamp: u32::from(number) * 3_000,
            ssrc: SSRC,
            ..Header::default()
        };
        track.write_rtp(Packet { header, payload: Bytes::from(vec![0x10; 900]) }).await.unwrap();
    }
}

/// Until the other end has got so many RTP packets.
async fn received(end: &End, packets: u64) {
    soon("the packets", async {
        while end.tap.counters().rtp_in < packets {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_is_counted_and_only_its_first_packets_are_recorded() {
    let mut sender = End::new(Plan::new("sender")).await;
    let mut receiver = End::new(Plan::new("receiver")).await;
    let track = sender.sends(SSRC).await;
    connect(&mut sender, &mut receiver).await;
    for number in 0..50 {
        write_frame(&track, number).await;
        // One frame at a time: a burst would overflow the receiver's socket buffer, and be sent again.
        received(&receiver, u64::from(number + 1) * u64::from(PACKETS_PER_FRAME)).await;
    }
    let packets = 50 * u64::from(PACKETS_PER_FRAME);
    let (sent, got) = (sender.tap.counters(), receiver.tap.counters());
    assert_eq!((sent.rtp_out, got.rtp_in), (packets, packets));
    assert!(got.bytes_in > packets * 900);
    assert!(receiver.tap.last_inbound().media.is_some());

    receiver.recorded("RTCP", |events| count(events, "rtcp.first") >= 1).await;
    for (end, way) in [(&mut sender, (Lane::Peer, Lane::Web)), (&mut receiver, (Lane::Web, Lane::Peer))] {
        let firsts: Vec<_> = end.events().iter().filter(|event| event.kind == "rtp.first").collect();
        assert_eq!(firsts.len(), 1);
        assert_eq!((firsts[0].from, firsts[0].to), way);
        assert_eq!(fact(firsts[0], "ssrc"), SSRC.to_string());
        assert_eq!(count(end.events(), "rtp.path"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayed_frame_goes_out_at_once() {
    let Some(turn) = turn_server().await else { return };
    let mut sender = End::new(relayed("sender", &turn, SECRET)).await;
    let mut receiver = End::new(relayed("receiver", &turn, SECRET)).await;
    let track = sender.sends(SSRC).await;
    connect(&mut sender, &mut receiver).await;
    let mut times = Vec::new();
    for number in 0..40 {
        let began = Instant::now();
        write_frame(&track, number).await;
        sender.tap.frame_written();
        received(&receiver, u64::from(number + 1) * u64::from(PACKETS_PER_FRAME)).await;
        times.push(began.elapsed());
    }
    times.sort();
    let [median, worst] = [times[times.len() / 2], times[times.len() - 1]];
    println!("a relayed frame takes {median:?} (median), {worst:?} (worst)");
    // By itself the last packet of a frame waits for the next timer of the driver.
    assert!(median < Duration::from_millis(20), "{times:?}");
    let first = receiver.events().iter().find(|event| event.kind == "rtp.first").unwrap();
    assert_eq!(fact(first, "relay"), turn.address.to_string());
}
