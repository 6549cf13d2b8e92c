//! Whatever an offer contains, the peer answers or refuses; it never panics and keeps nothing of what it refused.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use std::sync::OnceLock;

use common::sources::{Scripted, h264, vp8};
use common::{options, play, rig};
use icescope_model::SessionId;
use icescope_model::signal::CloseReason;
use icescope_peer::{Options, Peer};
use proptest::prelude::*;

const CHROME: &str = include_str!("data/chrome-offer.sdp");

/// One peer for all cases: it must survive each of them.
fn peer() -> &'static (tokio::runtime::Runtime, Peer) {
    static PEER: OnceLock<(tokio::runtime::Runtime, Peer)> = OnceLock::new();
    PEER.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let entered = runtime.enter();
        let rig =
            rig(Options { max_sessions: 100, ..options() }, Scripted::new(&[("bars", vec![vp8(), h264()])]));
        drop(entered);
        (runtime, rig.peer)
    })
}

/// Answers or refuses within a time; then everything is as before.
fn survives(sdp: String) {
    let (runtime, peer) = peer();
    runtime.block_on(async {
        let id = SessionId::random();
        let outcome = tokio::time::timeout(common::PATIENCE, peer.answer(id, play(sdp)))
            .await
            .expect("it does not hang");
        if let Ok(answer) = outcome {
            peer.close(id, CloseReason::Deleted);
            let mut state = answer.link.state.clone();
            let closed =
                state.wait_for(|state| matches!(state, icescope_model::signal::PeerState::Closed(_)));
            tokio::time::timeout(common::PATIENCE, closed).await.expect("it closes").unwrap();
        }
        assert!(!peer.sessions().contains(&id));
    });
}

#[test]
fn the_untouched_offer_is_answered() {
    let (runtime, peer) = peer();
    let id = SessionId::random();
    let answer = runtime.block_on(peer.answer(id, play(CHROME.to_owned()))).unwrap();
    assert!(answer.sdp.contains("a=rtpmap:96 VP8/90000"), "{}", answer.sdp);
    assert_eq!(answer.sdp.matches("a=rtpmap:").count(), 1, "only what is sent: {}", answer.sdp);
    assert!(
        answer.sdp.contains("a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
        "{}",
        answer.sdp
    );
    assert!(answer.sdp.contains("a=sendonly") && answer.sdp.contains("a=mid:0"), "{}", answer.sdp);
    survives(CHROME.replace("m=video 9", "m=video 0"));
}

#[test]
fn sections_of_other_kinds_are_declined() {
    let (runtime, peer) = peer();
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n\
                 a=ice-ufrag:9uX3\r\na=ice-pwd:U1BvnPkFxgY2AGTmYfHqH0rS\r\na=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\n";
    let sdp = CHROME.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 1") + audio;
    let id = SessionId::random();
    let answer = runtime.block_on(peer.answer(id, play(sdp))).unwrap();
    assert!(answer.sdp.contains("m=audio 0 "), "{}", answer.sdp);
    peer.close(id, CloseReason::Deleted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_lost_doubled_or_moved(edits in prop::collection::vec((0usize..140, 0usize..140, 0u8..3), 1..6)) {
        let mut lines: Vec<&str> = CHROME.lines().collect();
        for (at, to, kind) in edits {
            let (at, to) = (at % lines.len(), to % lines.len());
            match kind {
                0 => { lines.remove(at); }
                1 => lines.insert(to, lines[at]),
                _ => lines.swap(at, to),
            }
        }
        survives(lines.join("\r\n"));
    }

    #[test]
    fn characters_changed(edits in prop::collection::vec((0usize..8000, any::<char>()), 1..8)) {
        let mut characters: Vec<char> = CHROME.chars().collect();
        for (at, character) in edits {
            let at = at % characters.len();
            characters[at] = character;
        }
        survives(characters.into_iter().collect());
    }

    #[test]
    fn values_replaced(line in 0usize..140, value in "[ -~]{0,60}") {
        let changed = CHROME.lines().enumerate().map(|(at, text)| match text.split_once([':', ' ']) {
            Some((head, _)) if at == line => format!("{head}:{value}"),
            _ => text.to_owned(),
        });
        survives(changed.collect::<Vec<_>>().join("\r\n"));
    }

    #[test]
    fn cut_short(length in 0usize..8000) {
        survives(CHROME.chars().take(length).collect());
    }
}
