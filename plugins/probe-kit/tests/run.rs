//! A run: its end, and what the host is told of packets.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_plugin_sdk::testing::{Driven, FakeHost, SeenEvent};
use icescope_plugin_sdk::{Error, Host, IceServer, Lane, Outcome, Probe, Request as RunRequest, Run, abi};
use icescope_probe_kit::args::Args;
use icescope_probe_kit::attributes::stun::ErrorCode;
use icescope_probe_kit::clock;
use icescope_probe_kit::message::{Class, Credentials, Hash, Key, Method, Request};
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::runtime;
use icescope_probe_kit::testing::{self, Behaviour, Servers};
use icescope_probe_kit::transaction::Schedule;
use icescope_probe_kit::udp::Socket;
use serde_json::{Value, json};

/// What a test waits for at most; nothing here takes as long unless it is broken.
const LIMIT: Duration = Duration::from_secs(20);

/// Does what its first server's scheme says: `stun` asks it, `turn` asks it with credentials, `stuns` waits for ever,
/// `turns` says how long it may measure.
struct Kit;

impl Probe for Kit {
    type Config = Value;
    type Args = Args;

    fn create(_: Value, _: Host) -> Result<Self, Error> {
        Ok(Self)
    }

    fn run(&mut self, request: RunRequest<Args>, run: &Run<'_>) -> Result<Outcome, Error> {
        let servers = request.args.servers(run)?;
        let Some(server) = servers.first() else { return Ok(Outcome::Skipped) };
        let urls: Vec<_> =
            servers.iter().map(|server| (&server.url.text, server.granted.is_some())).collect();
        run.report("org.example.servers/1", "", Outcome::Pass, &urls)?;
        runtime::block_on(run, async |context| match server.url.scheme.as_str() {
            "stun" => ask(context.run(), address(server), &Request::binding()).await,
            "turn" => ask(context.run(), address(server), &with_credentials()).await,
            "stuns" => {
                run.event("org.example.waiting/1").emit();
                std::future::pending().await
            }
            _ => {
                let budget = context.budget(Duration::from_hours(1)).as_secs_f64();
                run.report("org.example.budget/1", "", Outcome::Pass, &budget)?;
                Ok(Outcome::Pass)
            }
        })
    }
}

fn address(server: &icescope_probe_kit::args::Server) -> SocketAddr {
    format!("{}:{}", server.url.host, server.url.port).parse().expect("an address")
}

fn with_credentials() -> Request {
    let key = Key::long_term("alice", "example.org", "secret", Hash::Classic).expect("a key");
    let (username, realm, nonce) = ("alice".into(), "example.org".into(), "once".into());
    let credentials = Credentials { username, realm, nonce, key, hash: Hash::Classic };
    Request::new(Method::Allocate, Class::Request).credentials(&credentials)
}

async fn ask(run: &Run<'_>, server: SocketAddr, request: &Request) -> Result<Outcome, Error> {
    let socket = Socket::connect(server).await.map_err(|error| Error::failed(error.to_string()))?;
    let bytes = request.encode().map_err(|error| Error::failed(error.to_string()))?;
    let observer = Observer::new(run, Lane::Turn).within(4711);
    let exchange = socket.transact(&bytes, server, Schedule::once(LIMIT), &observer).await;
    Ok(if exchange.answer.is_some() { Outcome::Pass } else { Outcome::Failed })
}

icescope_plugin_sdk::export! {
    probe Kit {
        id: "org.example.kit",
    }
}

fn instance(host: &FakeHost) -> Driven {
    host.create(icescope_module(), "org.example.kit", &json!({})).expect("an instance")
}

fn deadline(after: Duration) -> i64 {
    clock::now_ns() + i64::try_from(after.as_nanos()).expect("right for a test")
}

fn fact<'a>(event: &'a SeenEvent, key: &str) -> Option<&'a str> {
    event.facts.iter().find(|fact| fact.0 == key).map(|fact| fact.2.as_str())
}

fn error(code: u16, reason: &'static str) -> Behaviour {
    std::sync::Arc::new(move |request, _, _| {
        let error = ErrorCode::new(stun_rs::ErrorCode::new(code, reason).expect("right for a test"));
        let answer = Request::new(request.method(), Class::Error).id(request.transaction_id()).with(error);
        vec![answer.encode().expect("right for a test")]
    })
}

#[test]
fn a_cancelled_run_ends_at_once() {
    let host = FakeHost::new();
    let mut probe = instance(&host);
    let running = std::thread::spawn(move || probe.run(&json!({ "servers": ["stuns:127.0.0.1"] }), 0, 1));
    host.wait(LIMIT, |seen| seen.events.first().map(drop)).expect("it waits");
    host.cancel();
    assert_eq!(running.join().unwrap().unwrap_err().status, abi::ICS_E_CANCELLED);
}

#[test]
fn a_run_that_was_cancelled_before_does_not_begin() {
    let host = FakeHost::new();
    let mut probe = instance(&host);
    host.cancel();
    let refusal = probe.run(&json!({ "servers": ["stuns:127.0.0.1"] }), 0, 1).unwrap_err();
    assert_eq!(refusal.status, abi::ICS_E_CANCELLED);
    assert!(host.seen(|seen| seen.events.is_empty()));
}

#[test]
fn the_deadline_ends_a_run_that_does_not_end_by_itself() {
    let host = FakeHost::new();
    let args = json!({ "servers": ["stuns:127.0.0.1"] });
    let refusal = instance(&host).run(&args, deadline(Duration::from_millis(50)), 1).unwrap_err();
    assert_eq!(refusal.status, abi::ICS_E_TIMEOUT);
}

#[test]
fn some_of_a_runs_time_is_kept_for_its_reports() {
    let budget = |after: Duration| {
        let host = FakeHost::new();
        instance(&host).run(&json!({ "servers": ["turns:127.0.0.1"] }), deadline(after), 1).unwrap();
        host.seen(|seen| seen.reports[1].document.as_f64().unwrap())
    };
    let long = budget(Duration::from_secs(1000));
    assert!(long > 900.0 && long <= 999.7, "{long}");
    let host = FakeHost::new();
    instance(&host).run(&json!({ "servers": ["turns:127.0.0.1"] }), 0, 1).unwrap();
    let without = host.seen(|seen| seen.reports[1].document.as_f64().unwrap());
    assert!((without - 3600.0).abs() < 1e-9, "without a deadline, all that was wished for: {without}");
}

#[test]
fn both_ways_of_a_transaction_are_told_with_their_lanes_and_one_span() {
    let servers = Servers::new();
    let server = servers.udp(testing::plain());
    let host = FakeHost::new();
    let outcome = instance(&host).run(&json!({ "servers": [format!("stun:{server}")] }), 0, 1).unwrap();
    assert_eq!(outcome, Some(Outcome::Pass));
    let events = host.seen(|seen| seen.events.clone());
    let schemas: Vec<_> = events.iter().map(|event| event.schema.as_str()).collect();
    assert_eq!(
        schemas,
        ["icescope.stun.message/1", "icescope.stun.message/1", "icescope.stun.transaction/1"]
    );
    let (peer, turn, packet) = (abi::ICS_LANE_PEER, abi::ICS_LANE_TURN, abi::ICS_EVIDENCE_PACKET);
    assert_eq!((events[0].seen, events[1].seen), ((peer, turn, packet), (turn, peer, packet)));
    assert!(events[0].time_ns <= events[1].time_ns);
    assert!(
        events.iter().all(|event| event.parent == 4711 && event.span == events[0].span && event.span != 0)
    );
    assert_eq!(events[2].outcome, abi::ICS_PASS);
    assert!(fact(&events[2], "roundTripTime").is_some());
    assert_eq!(events[0].summary, format!("Binding request to {server}"));
    let mapped = fact(&events[1], "mappedAddress").unwrap();
    assert_eq!(events[1].summary, format!("Binding success response from {server}, mapped address {mapped}"));
    assert_eq!(fact(&events[1], "software"), Some(testing::SOFTWARE));
    assert_eq!(fact(&events[0], "size"), Some("20"));
}

#[test]
fn errors_are_told_and_credentials_are_not() {
    let servers = Servers::new();
    let server = servers.udp(error(486, "Allocation Quota Reached"));
    let host = FakeHost::new();
    instance(&host).run(&json!({ "servers": [format!("turn:{server}")] }), 0, 1).unwrap();
    let events = host.seen(|seen| seen.events.clone());
    assert_eq!(
        (fact(&events[1], "errorCode"), fact(&events[1], "errorText")),
        (Some("486"), Some("Allocation Quota Reached"))
    );
    assert!(events[1].summary.ends_with(": 486 Allocation Quota Reached"), "{}", events[1].summary);
    let told = format!("{events:?}");
    for secret in ["alice", "secret", "once"] {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[test]
fn servers_come_from_the_arguments_or_from_the_host_each_once_and_credentials_by_equal_url() {
    let host = FakeHost::new();
    let granted = |url: &str| IceServer {
        url: url.into(),
        username: "u".into(),
        credential: "p".into(),
        realm: String::new(),
        expires_unix_s: None,
    };
    host.grant_ice_servers(vec![
        granted("turns:192.0.2.1"),
        granted("turns:192.0.2.1"),
        granted("stun:192.0.2.2"),
    ]);
    let listed = |args: Value| {
        host.forget();
        instance(&host).run(&args, 0, 1).unwrap();
        host.seen(|seen| seen.reports[0].document.clone())
    };
    assert_eq!(listed(json!({})), json!([["turns:192.0.2.1", true], ["stun:192.0.2.2", true]]));
    let named = json!({ "servers": ["turns:192.0.2.1", "turns:192.0.2.1:5349", "turns:192.0.2.1"] });
    assert_eq!(listed(named), json!([["turns:192.0.2.1", true], ["turns:192.0.2.1:5349", false]]));
}
