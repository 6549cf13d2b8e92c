//! The DTLS handshake, flight by flight, at both ends.

use icescope_model::verdict::{Side, Stage};

use crate::course::Course;
use crate::facts::Facts;
use crate::facts::dtls::Message;
use crate::fault::Fault;

/// A handshake over a working pair takes a few round trips; a lost flight is sent again after 1 s, then 2 s (RFC 6347 §4.2.4.1).
const WITHIN: i64 = 6_000_000;
/// A message that was sent so often was lost, not late.
const LOST: u32 = 3;
/// Packets above this do not fit through some tunnels; below it all pass (RFC 8200 §5, less headers).
const SMALL: u64 = 256;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let ended = alerts(facts, found);
    if course.reached(Stage::Dtls) {
        return;
    }
    changed(facts, found);
    // After an alert flights come to nothing, whatever their size.
    if ended || !course.reached(Stage::Checks) {
        return;
    }
    roles(facts, found);
    let ice = facts.states.ice_connected.map(|(time, _)| time);
    let began = facts.dtls.messages.iter().map(|message| message.first).min().or(ice);
    if began.is_none_or(|began| course.now - began < WITHIN) {
        return;
    }
    hello(facts, found);
    flights(facts, found);
}

/// Whether one of them ended the handshake.
fn alerts(facts: &Facts, found: &mut Vec<Fault>) -> bool {
    let fingerprint =
        facts.dtls.errors.iter().find(|error| error.text.to_lowercase().contains("fingerprint"));
    if let Some(error) = fingerprint {
        let summary = format!("The browser refused the daemon's certificate: {}.", error.text);
        let fault = Fault::fatal("F6", Stage::Dtls, summary).of(Side::Both).proven();
        found.push(fault.with("alert", "none was seen").shown_by([error.at]));
    }
    let Some(alert) = facts.dtls.alerts.iter().find(|alert| alert.fatal) else { return false };
    let (whose, side) = if alert.inbound { ("browser", Side::Client) } else { ("daemon", Side::Daemon) };
    let name = &alert.said.text;
    let (cause, what) = match name.as_str() {
        "bad_certificate"
        | "certificate_unknown"
        | "unsupported_certificate"
        | "certificate_expired"
        | "unknown_ca"
        | "decrypt_error" => ("F6", "the certificate is not the one whose fingerprint was signalled"),
        _ => ("F3", "it does not understand the other end's handshake"),
    };
    let summary = format!("The {whose} ended the handshake with the alert {name}: {what}.");
    // Browsers say these two of a certificate that is not the signalled one.
    let proven = matches!(name.as_str(), "bad_certificate" | "certificate_unknown");
    let fault = Fault::fatal(cause, Stage::Dtls, summary).of(side).proven_if(proven);
    found.push(fault.with("alert", name.as_str()).shown_by([alert.said.at]));
    true
}

/// The answer that the browser was given is not the one that the daemon gave: signalling in between changes SDP.
fn changed(facts: &Facts, found: &mut Vec<Fault>) {
    let [Some(given), Some(received)] = &facts.signalling.answers else { return };
    let differ =
        |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
    let mut push = |cause: &'static str, summary: String| {
        let fault = Fault::fatal(cause, Stage::Dtls, summary).of(Side::Client).proven();
        found.push(fault.with("alert", "none is needed").shown_by([given.at, received.at]));
    };
    if differ(&given.fingerprint, &received.fingerprint) {
        push("F6", "The fingerprint in the answer that the browser was given is not that of the daemon's certificate: the SDP was changed on its way.".to_owned());
    }
    if differ(&given.setup, &received.setup) {
        let word = |end: &Option<String>| end.clone().unwrap_or_default();
        push(
            "F5",
            format!(
                "The daemon answered with a=setup:{}, and the browser was given a=setup:{}: the SDP was changed on its way, and both ends take the same role.",
                word(&given.setup),
                word(&received.setup)
            ),
        );
    }
}

/// a=setup (RFC 8842 §5.2): exactly one end begins.
fn roles(facts: &Facts, found: &mut Vec<Fault>) {
    let hellos: Vec<&Message> =
        [true, false].into_iter().filter_map(|way| facts.dtls.message_of("dtls.client_hello", way)).collect();
    let setup = [&facts.signalling.setup[0], &facts.signalling.setup[1]];
    let pair = match setup {
        [Some(offer), Some(answer)] => Some((offer.as_str(), answer.as_str())),
        _ => None,
    };
    let illegal = matches!(pair, Some(("active", "active") | ("passive", "passive") | (_, "actpass")));
    if hellos.len() < 2 && !illegal {
        return;
    }
    let summary = match (hellos.len(), pair) {
        (2, _) => "Both ends began the handshake: each takes itself for the client.".to_owned(),
        (_, Some((offer, answer))) => {
            format!("Offer and answer say a=setup:{offer} and a=setup:{answer}, which do not fit together.")
        }
        _ => return,
    };
    let evidence = hellos.iter().filter_map(|hello| hello.at.first().copied());
    found.push(
        Fault::fatal("F5", Stage::Dtls, summary)
            .of(Side::Both)
            .proven()
            .shown_by(evidence)
            .shown_by(facts.signalling.answered.map(|(_, at)| at)),
    );
}

/// The first flight: a ClientHello that never arrives, or is not answered.
fn hello(facts: &Facts, found: &mut Vec<Fault>) {
    let dtls = &facts.dtls;
    let (inbound, outbound) =
        (dtls.message_of("dtls.client_hello", true), dtls.message_of("dtls.client_hello", false));
    let answered = |way: bool| {
        ["dtls.server_hello", "dtls.hello_verify_request"]
            .iter()
            .any(|kind| dtls.message_of(kind, way).is_some())
    };
    if let Some(hello) =
        inbound.filter(|hello| !answered(false) && hello.fragment < hello.length && hello.is_whole())
    {
        let summary = format!(
            "The browser's ClientHello came in parts ({} of {} bytes at most), and the daemon answered neither with a ServerHello nor with an alert.",
            hello.fragment, hello.length
        );
        let fault = Fault::fatal("F3", Stage::Dtls, summary).of(Side::Daemon);
        found.push(fault.with("alert", "none").shown_by(hello.at.iter().copied()));
        return;
    }
    if let Some(hello) = outbound.filter(|hello| hello.times >= LOST && !answered(true)) {
        let summary = format!(
            "The daemon sent its ClientHello {} times, and nothing of the handshake came back, while STUN passes on the same path: something drops DTLS.",
            hello.times
        );
        found.push(
            Fault::fatal("F7", Stage::Dtls, summary).of(Side::Unknown).shown_by(hello.at.iter().copied()),
        );
        return;
    }
    let browser_begins = facts.signalling.setup[1].as_deref() == Some("passive");
    let ice = facts.states.ice_connected;
    let waiting =
        facts.dtls.browser.as_ref().is_some_and(|said| said.text == "connecting" || said.text == "failed");
    if let (true, None, Some((_, at)), true) = (browser_begins, inbound, ice, waiting) {
        let summary = "The browser begins the handshake, and no ClientHello came in, while STUN passes on the same path: something drops DTLS.";
        let word = facts.dtls.browser.as_ref().map(|said| said.at);
        found.push(Fault::fatal("F7", Stage::Dtls, summary).of(Side::Unknown).shown_by([at]).shown_by(word));
    }
}

/// Later flights: a large one that is sent again and again.
fn flights(facts: &Facts, found: &mut Vec<Fault>) {
    let dtls = &facts.dtls;
    let torn =
        dtls.messages.iter().find(|message| message.inbound && !message.is_whole() && message.seen >= LOST);
    if let Some(message) = torn {
        let summary = format!(
            "Of the browser's {} of {} bytes only the first {} ever arrived, {} times: its larger packets are lost, while small ones pass.",
            name(&message.kind),
            message.length,
            message.whole_until,
            message.seen
        );
        let fault = Fault::fatal("F1", Stage::Dtls, summary).of(Side::Unknown);
        found.push(fault.shown_by(message.at.iter().copied()));
        return;
    }
    let tiny = dtls.messages.iter().find(|message| {
        message.length > 2 * SMALL && message.fragment <= SMALL && message.is_whole() && message.seen >= 4
    });
    if let Some(message) = tiny {
        let summary = format!(
            "A {} of {} bytes goes in parts of {} bytes at most, again and again: the other end does not put them together.",
            name(&message.kind),
            message.length,
            message.fragment
        );
        let fault = Fault::fatal("F2", Stage::Dtls, summary).of(Side::Both);
        found.push(fault.shown_by(message.at.iter().copied()));
        return;
    }
    let round_trip = facts.checks.pairs.iter().filter_map(|pair| pair.round_trip).fold(0.0, f64::max);
    let repeated =
        dtls.messages.iter().filter(|message| message.times >= LOST).max_by_key(|message| message.length);
    let Some(message) = repeated else { return };
    let pace = (message.last - message.first) as f64 / f64::from(message.times.max(2) - 1) / 1e6;
    if round_trip > 0.3 && pace < round_trip {
        let summary = format!(
            "A {} is sent again every {:.0} ms, and the round trip is {:.0} ms: each answer comes too late.",
            name(&message.kind),
            pace * 1e3,
            round_trip * 1e3
        );
        let side = if message.inbound { Side::Client } else { Side::Daemon };
        let fault = Fault::fatal("F4", Stage::Dtls, summary).of(side);
        found.push(fault.shown_by(message.at.iter().copied()));
        return;
    }
    let began = dtls.message_of("dtls.server_hello", true).or(dtls.message_of("dtls.server_hello", false));
    let hello_lost = message.kind == "dtls.client_hello" && began.is_none();
    if hello_lost {
        return;
    }
    let (whose, other) = if message.inbound { ("browser", "daemon") } else { ("daemon", "browser") };
    let summary = format!(
        "The {whose} sends its {} ({} bytes) again and again, {} times: the {other}'s large flight does not arrive, while small packets pass. The path takes only smaller packets.",
        name(&message.kind),
        message.length,
        message.times
    );
    let fault = Fault::fatal("F1", Stage::Dtls, summary).of(Side::Unknown);
    found.push(fault.shown_by(message.at.iter().copied()));
}

/// `dtls.client_hello` as the standards write it: ClientHello.
fn name(kind: &str) -> String {
    let mut name = String::new();
    for word in kind.trim_start_matches("dtls.").split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    name
}
