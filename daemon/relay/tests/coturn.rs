//! coturn's own clients against the relay. Where they are not installed (Debian: package coturn), the tests say so.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::EventSink;
use icescope_relay::{Options, Policy, Relay, Tls, Transport};
use tokio::process::Command;
use tokio::time::timeout;

/// uclient sends its packets 20 ms apart, and waits for stragglers.
const PATIENCE: Duration = Duration::from_secs(90);

/// This host's address outside of loopback.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // No packet is sent: the kernel only looks for the way.
    socket.connect("203.0.113.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

fn options(listen: &[&str], own: IpAddr) -> Options {
    Options {
        listen: listen.iter().map(|text| text.parse().unwrap()).collect(),
        any_port: false,
        tls_listen: Vec::new(),
        tls_may_fail: false,
        tls: None,
        relay_addresses: Vec::new(),
        external_addresses: Vec::new(),
        ports: 30_000..=39_999,
        realm: "icescope".to_owned(),
        max_allocations: 512,
        policy: Policy { lifetime: Duration::from_mins(10), quota: 256, allow_peers: Vec::new() },
        addresses: Arc::new(move || vec![own]),
        describe: Arc::new(|_| None),
    }
}

fn start(options: Options) -> Relay {
    let (sink, _source) = EventSink::new(1);
    Relay::start(options, sink).unwrap()
}

/// What a program said; `None`, loudly, if it is not there.
async fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    match timeout(PATIENCE, command.output()).await.expect("it ends") {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Some(String::from_utf8_lossy(&said).into_owned())
        }
        Err(error) => {
            eprintln!("SKIPPED: {program} (Debian: coturn) does not run: {error}");
            None
        }
    }
}

fn port(relay: &Relay, transport: Transport) -> String {
    let found = relay.listening().iter().find(|listening| listening.transport == transport);
    found.unwrap().address.port().to_string()
}

/// Clients in pairs, each with an allocation, send to each other through both.
async fn clients(relay: &Relay, port: &str, number: u32, packets: u32, more: &[&str]) {
    let credentials = relay.credentials(None);
    let (number_text, packets_text) = (number.to_string(), packets.to_string());
    let mut arguments = vec!["-y", "-c", "-m", &number_text, "-n", &packets_text, "-p", port];
    arguments.extend(["-u", &credentials.username, "-w", &credentials.password]);
    arguments.extend(more);
    arguments.push("127.0.0.1");
    let Some(said) = run("turnutils_uclient", &arguments).await else { return };
    let last = said.lines().rfind(|line| line.contains("Total lost packets"));
    let last = last.unwrap_or_else(|| panic!("no sum: {said}"));
    println!("uclient {more:?}, {number} clients: {last}");
    assert!(last.contains("Total lost packets 0 ("), "{said}");
    let received = said.lines().rfind(|line| line.contains("tot_recv_msgs=")).unwrap_or_default();
    let expected = format!("tot_recv_msgs={}", number * packets);
    assert!(received.contains(&expected), "{expected}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uclient_is_served_over_udp_and_tcp() {
    let Some(own) = own_address() else {
        eprintln!("SKIPPED: this host has no address but loopback, and loopback is never relayed to");
        return;
    };
    let relay = start(options(&["127.0.0.1:0"], own));
    let port = port(&relay, Transport::Udp);
    clients(&relay, &port, 4, 10, &[]).await;
    clients(&relay, &port, 4, 10, &["-s"]).await;
    clients(&relay, &port, 4, 10, &["-t"]).await;
    relay.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uclient_with_a_hundred_clients_loses_nothing() {
    let Some(own) = own_address() else {
        eprintln!("SKIPPED: this host has no address but loopback, and loopback is never relayed to");
        return;
    };
    let relay = start(options(&["127.0.0.1:0"], own));
    clients(&relay, &port(&relay, Transport::Udp), 100, 10, &[]).await;
    relay.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uclient_is_served_over_tls() {
    let Some(own) = own_address() else {
        eprintln!("SKIPPED: this host has no address but loopback, and loopback is never relayed to");
        return;
    };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = write("cert.pem", made.cert.pem());
    let key = write("key.pem", made.signing_key.serialize_pem());
    let tls = Some(Tls { certificate, key });
    let tls_listen = vec!["127.0.0.1:0".parse().unwrap()];
    let relay = start(Options { tls, tls_listen, ..options(&["127.0.0.1:0"], own) });
    clients(&relay, &port(&relay, Transport::Tls), 4, 10, &["-t", "-S"]).await;
    relay.shut_down().await;
}

#[tokio::test]
async fn uclient_is_not_let_in_with_a_wrong_password() {
    let relay = start(options(&["127.0.0.1:0"], [192, 0, 2, 1].into()));
    let credentials = relay.credentials(None);
    let port = port(&relay, Transport::Udp);
    let arguments =
        ["-y", "-c", "-m", "2", "-p", &port, "-u", &credentials.username, "-w", "wrong", "127.0.0.1"];
    let Some(said) = run("turnutils_uclient", &arguments).await else { return };
    assert!(said.contains("Cannot complete Allocation"), "{said}");
    assert_eq!(relay.allocations(), 0);
    relay.shut_down().await;
}

#[tokio::test]
async fn natdiscovery_finds_rfc_5780_with_two_addresses_and_none_with_one() {
    let relay = start(options(&["127.0.0.1:34790", "127.0.0.2:34790"], [192, 0, 2, 1].into()));
    let Some(said) = run("turnutils_natdiscovery", &["-m", "-f", "-p", "34790", "127.0.0.1"]).await else {
        return;
    };
    println!("{said}");
    assert!(said.contains("RFC 5780 response 1") && said.contains("RFC 5780 response 3"), "{said}");
    assert!(said.contains("Other addr: : 127.0.0.2:34791"), "{said}");
    relay.shut_down().await;
    let relay = start(options(&["127.0.0.1:0"], [192, 0, 2, 1].into()));
    let said =
        run("turnutils_natdiscovery", &["-m", "-f", "-p", &port(&relay, Transport::Udp), "127.0.0.1"]).await;
    let said = said.unwrap_or_default();
    assert!(!said.contains("Other addr"), "{said}");
    relay.shut_down().await;
}
