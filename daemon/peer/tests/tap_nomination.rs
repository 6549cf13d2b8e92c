//! Nominations ahead of the daemon's own check. The browser is played by a script on a socket.

mod tap_common;

use std::net::SocketAddr;
use std::sync::Arc;

use rtc::crypto::{RTCCryptoProvider, default_provider};
use rtc::ice::attributes::control::AttrControlling;
use rtc::ice::attributes::priority::PriorityAttr;
use rtc::ice::attributes::use_candidate::UseCandidateAttr;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, CLASS_REQUEST, Message, Setter, TransactionId};
use rtc::stun::textattrs::Username;
use rtc::stun::xoraddr::XorMappedAddress;
use tap_common::{End, PASSWORD, Plan, count, soon};
use tokio::net::UdpSocket;
use webrtc::peer_connection::RTCSessionDescription;

/// The browser's end, played.
struct Script {
    socket: UdpSocket,
    crypto: Arc<dyn RTCCryptoProvider>,
}

impl Script {
    async fn new() -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(), crypto: default_provider().unwrap() }
    }

    async fn send(&self, to: SocketAddr, mut what: Vec<Box<dyn Setter + '_>>) {
        let integrity =
            MessageIntegrity::new_short_term_integrity_with_provider(PASSWORD.to_owned(), self.crypto.crypto());
        what.push(Box::new(integrity));
        what.push(Box::new(FINGERPRINT));
        let mut message = Message::new();
        message.build(&what).unwrap();
        self.socket.send_to(&message.raw, to).await.unwrap();
    }

    /// A check that nominates.
    async fn nominate(&self, to: SocketAddr, id: u8) {
        self.send(
            to,
            vec![
                Box::new(BINDING_REQUEST),
                Box::new(TransactionId([id; 12])),
                Box::new(Username::new(ATTR_USERNAME, "daemon:browser".to_owned())),
                Box::<UseCandidateAttr>::default(),
                Box::new(AttrControlling(77)),
                Box::new(PriorityAttr(1_000)),
            ],
        )
        .await;
    }

    /// Answers the daemon's checks; returns at the first answer to one of its own, with the id.
    async fn until_answered(&self) -> u8 {
        let mut buffer = [0; 2000];
        loop {
            let (length, from) = soon("the daemon", self.socket.recv_from(&mut buffer)).await.unwrap();
            let mut message = Message::new();
            message.raw = buffer[..length].to_vec();
            if message.decode().is_err() {
                continue;
            }
            if message.typ == BINDING_SUCCESS {
                return message.transaction_id.0[0];
            }
            if message.typ.class == CLASS_REQUEST {
                self.answer(from, message.transaction_id).await;
            }
        }
    }

    async fn answer(&self, to: SocketAddr, id: TransactionId) {
        let mapped = XorMappedAddress { ip: to.ip(), port: to.port() };
        self.send(to, vec![Box::new(BINDING_SUCCESS), Box::new(id), Box::new(mapped)]).await;
    }
}

/// A daemon that has an offer from the script, and its address.
async fn answered(script: &Script, hold_nomination: bool) -> (End, End, SocketAddr) {
    let mut browser = End::new(Plan::new("browser")).await;
    browser.connection.create_data_channel("test", None).await.unwrap();
    let offer = browser.connection.create_offer(None).await.unwrap();
    browser.connection.set_local_description(offer).await.unwrap();
    let local = script.socket.local_addr().unwrap();
    let sdp = browser.described().await.sdp;
    let mut offer: String =
        sdp.split_inclusive('\n').filter(|line| !line.starts_with("a=candidate:")).collect();
    offer.push_str(&format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {} typ host\r\n", local.port()));

    let mut plan = Plan::new("daemon");
    plan.hold_nomination = hold_nomination;
    let mut daemon = End::new(plan).await;
    daemon.connection.set_remote_description(RTCSessionDescription::offer(offer).unwrap()).await.unwrap();
    let answer = daemon.connection.create_answer(None).await.unwrap();
    daemon.connection.set_local_description(answer).await.unwrap();
    let sdp = daemon.described().await.sdp;
    let line = sdp.lines().find(|line| line.starts_with("a=candidate:")).unwrap();
    let port: u16 = line.split(' ').nth(5).unwrap().parse().unwrap();
    (browser, daemon, SocketAddr::from(([127, 0, 0, 1], port)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nomination_ahead_of_the_daemons_own_check_is_answered() {
    let script = Script::new().await;
    let (_browser, mut daemon, address) = answered(&script, true).await;
    script.nominate(address, 1).await;
    assert_eq!(script.until_answered().await, 1, "the first request, sent once");
    daemon.recorded("the answer", |events| count(events, "stun.binding.success") >= 2).await;
    let id = "01".repeat(12);
    let of_first = |events: &[icescope_model::Observation], kind: &str| {
        events.iter().filter(|event| event.kind == kind && tap_common::fact(event, "transactionId") == id).count()
    };
    let events = daemon.events();
    assert_eq!(of_first(events, "stun.binding.request"), 1, "it was on the wire once");
    assert_eq!(of_first(events, "stun.binding.success"), 1, "and answered once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_hold_only_the_repeated_nomination_is_answered() {
    let script = Script::new().await;
    let (_browser, daemon, address) = answered(&script, false).await;
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
