//! Nominations ahead of the daemon's own check. The browser is played by a script on a socket.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use std::net::SocketAddr;

use tap_common::check::{Heard, daemon_with, hear, nomination, port_of};
use tap_common::{End, Plan, soon};
use tokio::net::UdpSocket;

/// The browser's end, played.
struct Script(UdpSocket);

impl Script {
    async fn nominate(&self, to: SocketAddr, id: u8) {
        self.0.send_to(&nomination("daemon", id), to).await.unwrap();
    }

    /// Answers the daemon's checks; returns at the first answer to one of its own, with the id.
    async fn until_answered(&self) -> u8 {
        let mut buffer = [0; 2000];
        loop {
            let (length, from) = soon("the daemon", self.0.recv_from(&mut buffer)).await.unwrap();
            match hear(&buffer[..length], from) {
                Heard::Answer(id) => return id,
                Heard::Check(answer) => drop(self.0.send_to(&answer, from).await.unwrap()),
                Heard::Nothing => {}
            }
        }
    }
}

/// A script and a daemon that has its offer, and the daemon's address.
async fn scene(hold_nomination: bool) -> (Script, End, SocketAddr, End) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let candidate = format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host");
    let mut plan = Plan::new("daemon");
    plan.hold_nomination = hold_nomination;
    let (daemon, sdp, browser) = daemon_with(&candidate, plan).await;
    (Script(socket), daemon, SocketAddr::from(([127, 0, 0, 1], port_of(&sdp, " udp "))), browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nomination_ahead_of_the_daemons_own_check_is_answered() {
    let (script, mut daemon, address, _browser) = scene(true).await;
    script.nominate(address, 1).await;
    assert_eq!(script.until_answered().await, 1, "the first request, sent once");
    let id = "01".repeat(12);
    let of_first = |events: &[icescope_model::Observation], kind: &str| {
        events
            .iter()
            .filter(|event| event.kind == kind && tap_common::fact(event, "transactionId") == id)
            .count()
    };
    daemon.recorded("the answer", |events| of_first(events, "stun.binding.success") > 0).await;
    let events = daemon.events();
    assert_eq!(of_first(events, "stun.binding.request"), 1, "it was on the wire once");
    assert_eq!(of_first(events, "stun.binding.success"), 1, "and answered once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_hold_only_the_repeated_nomination_is_answered() {
    let (script, daemon, address, _browser) = scene(false).await;
    script.nominate(address, 1).await;
    let repeat = async {
        // As soon as the daemon's own check has succeeded.
        soon("the daemon's check", async {
            while daemon.tap.last_inbound().check.is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        script.nominate(address, 2).await;
    };
    let (first, ()) = tokio::join!(script.until_answered(), repeat);
    assert_eq!(first, 2, "the crate answers the first one by itself now: the hold can go");
}
