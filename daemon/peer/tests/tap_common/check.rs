//! A browser's ICE end, played: signed checks and answers.

use std::net::{IpAddr, SocketAddr};

use rtc::crypto::default_provider;
use rtc::ice::attributes::control::AttrControlling;
use rtc::ice::attributes::priority::PriorityAttr;
use rtc::ice::attributes::use_candidate::UseCandidateAttr;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, CLASS_REQUEST, Message, Setter, TransactionId};
use rtc::stun::textattrs::Username;
use rtc::stun::xoraddr::XorMappedAddress;
use webrtc::peer_connection::RTCSessionDescription;

use super::{End, PASSWORD, Plan};

fn signed(what: Vec<Box<dyn Setter + '_>>) -> Vec<u8> {
    let crypto = default_provider().unwrap();
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(PASSWORD.to_owned(), crypto.crypto());
    let mut what = what;
    what.push(Box::new(integrity));
    what.push(Box::new(FINGERPRINT));
    let mut message = Message::new();
    message.build(&what).unwrap();
    message.raw
}

/// A check of the browser's that nominates.
pub fn nomination(daemon: &str, id: u8) -> Vec<u8> {
    signed(vec![
        Box::new(BINDING_REQUEST),
        Box::new(TransactionId([id; 12])),
        Box::new(Username::new(ATTR_USERNAME, format!("{daemon}:browser"))),
        Box::<UseCandidateAttr>::default(),
        Box::new(AttrControlling(77)),
        Box::new(PriorityAttr(1_000)),
    ])
}

/// The answer to a check of the daemon's.
fn answer(id: TransactionId, to: SocketAddr) -> Vec<u8> {
    let mapped = XorMappedAddress { ip: to.ip(), port: to.port() };
    signed(vec![Box::new(BINDING_SUCCESS), Box::new(id), Box::new(mapped)])
}

/// A STUN server's answer: «your address is `mapped`».
pub fn binding_success(id: [u8; 12], mapped: SocketAddr) -> Vec<u8> {
    let mask = [&[0x21, 0x12, 0xa4, 0x42][..], &id].concat();
    let (family, octets) = match mapped.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend((mapped.port() ^ 0x2112).to_be_bytes());
    value.extend(octets.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    let mut message = vec![1, 1];
    message.extend((value.len() as u16 + 4).to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend(id);
    message.extend([0, 0x20]);
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message
}

/// What the browser makes of a datagram.
pub enum Heard {
    /// A check of the daemon's: to be answered with this.
    Check(Vec<u8>),
    /// An answer to its own check with this id.
    Answer(u8),
    /// Something else.
    Nothing,
}

/// Reads a datagram as the browser would.
pub fn hear(datagram: &[u8], from: SocketAddr) -> Heard {
    let mut message = Message::new();
    message.raw = datagram.to_vec();
    if message.decode().is_err() {
        return Heard::Nothing;
    }
    if message.typ == BINDING_SUCCESS {
        return Heard::Answer(message.transaction_id.0[0]);
    }
    if message.typ.class == CLASS_REQUEST {
        Heard::Check(answer(message.transaction_id, from))
    } else {
        Heard::Nothing
    }
}

/// A daemon that has answered an offer with this candidate, its description, and the browser's end that made the offer.
pub async fn daemon_with(candidate: &str, plan: Plan) -> (End, String, End) {
    let mut browser = End::new(Plan::new("browser")).await;
    browser.connection.create_data_channel("test", None).await.unwrap();
    let offer = browser.connection.create_offer(None).await.unwrap();
    browser.connection.set_local_description(offer).await.unwrap();
    let sdp = browser.described().await.sdp;
    let mut offer: String =
        sdp.split_inclusive('\n').filter(|line| !line.starts_with("a=candidate:")).collect();
    offer.push_str(candidate);
    offer.push_str("\r\n");

    let mut daemon = End::new(plan).await;
    daemon.connection.set_remote_description(RTCSessionDescription::offer(offer).unwrap()).await.unwrap();
    let answer = daemon.connection.create_answer(None).await.unwrap();
    daemon.connection.set_local_description(answer).await.unwrap();
    let sdp = daemon.described().await.sdp;
    (daemon, sdp, browser)
}

/// The port of the first candidate with these words.
pub fn port_of(sdp: &str, words: &str) -> u16 {
    let line = sdp.lines().find(|line| line.starts_with("a=candidate:") && line.contains(words)).unwrap();
    line.split(' ').nth(5).unwrap().parse().unwrap()
}
