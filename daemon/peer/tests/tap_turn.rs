//! Relayed connections, through a real TURN server (coturn) on loopback.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use icescope_model::{Lane, Level};
use tap_common::coturn::{SECRET, USER};
use tap_common::turn::{relayed, turn_server};
use tap_common::{End, connect, count, fact};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayed_connection_is_recorded_inside_and_out_and_is_not_slow() {
    let Some(turn) = turn_server().await else { return };
    let mut browser = End::new(relayed("browser", &turn, SECRET)).await;
    let mut daemon = End::new(relayed("daemon", &turn, SECRET)).await;
    connect(&mut browser, &mut daemon).await;

    daemon.recorded("the handshake", |events| count(events, "dtls.encrypted_handshake") >= 2).await;
    let events = daemon.events().to_vec();
    let events = &events[..];
    let of =
        |kind: &str| events.iter().find(|event| event.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
    let refused = of("turn.allocate.error");
    assert_eq!((fact(refused, "errorCode"), refused.level), ("401".to_owned(), Level::Info));
    assert_eq!((refused.from, refused.to), (Lane::Turn, Lane::Peer));
    let granted = of("turn.allocate.success");
    let own_relayed = fact(granted, "relayedAddress");
    assert!(own_relayed.starts_with("127.0.0.1:"));
    of("turn.create_permission.success");

    let check = events
        .iter()
        .find(|event| event.kind == "stun.binding.request" && event.to == Lane::Peer)
        .expect("a check inside TURN");
    assert_eq!(fact(check, "relay"), turn.address.to_string());
    assert_eq!(fact(check, "localAddress"), own_relayed);
    assert_eq!(check.from, Lane::Web);
    let hello = of("dtls.client_hello");
    assert_eq!(fact(hello, "relay"), turn.address.to_string());

    let told = format!("{events:?}{:?}", browser.events());
    for secret in [SECRET, USER] {
        assert!(!told.contains(secret), "{secret} was recorded");
    }
    let counters = daemon.tap.counters();
    assert!(counters.channel_data_in + count(events, "turn.data.indication") as u64 > 0, "{counters:?}");
    // Each of the dozen steps would wait up to 200 ms for a turn of the driver by itself. Between the two lies the crate's
    // own pause, where it plays the browser: as a DTLS client it loses its first ClientHello.
    let nominated = events.iter().find(|event| fact(event, "useCandidate") == "true").expect("a nomination");
    let finished = events.iter().rfind(|event| event.kind == "dtls.encrypted_handshake").expect("a Finished");
    let millis = |from: &icescope_model::Observation, to: &icescope_model::Observation| {
        to.at.since(from.at) / 1_000_000
    };
    let (ice, dtls) = (millis(&events[0], nominated), millis(hello, finished));
    println!("through the relay: {ice} ms to the nomination, {dtls} ms for DTLS");
    assert!(ice < 150 && dtls < 150, "packets waited for turns of the driver: ICE {ice} ms, DTLS {dtls} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_shows_as_a_second_401() {
    let Some(turn) = turn_server().await else { return };
    let mut daemon = End::new(relayed("daemon", &turn, "wrong")).await;
    daemon.connection.create_data_channel("test", None).await.unwrap();
    let offer = daemon.connection.create_offer(None).await.unwrap();
    daemon.connection.set_local_description(offer).await.unwrap();
    daemon.recorded("the refusals", |events| count(events, "turn.allocate.error") >= 2).await;
    let events = daemon.events();
    let signed = events
        .iter()
        .filter(|event| event.kind == "turn.allocate.request" && fact(event, "messageIntegrity") == "true")
        .count();
    assert!(signed >= 1);
    let codes: Vec<String> = events
        .iter()
        .filter(|event| event.kind == "turn.allocate.error")
        .map(|event| fact(event, "errorCode"))
        .collect();
    assert_eq!(codes[..2], ["401", "401"]);
    // The first is the challenge; the second is the end of it.
    let refusals: Vec<_> = events.iter().filter(|event| event.kind == "turn.allocate.error").collect();
    assert_eq!((refusals[0].level, fact(refusals[0], "credentialRefused")), (Level::Info, String::new()));
    assert_eq!((refusals[1].level, fact(refusals[1], "credentialRefused")), (Level::Warn, "true".to_owned()));
}
