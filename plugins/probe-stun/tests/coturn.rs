//! A whole run against Debian's coturn, with two addresses of the loopback interface so that it speaks RFC 5780.

mod common;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{path, run};
use icescope_plugin_sdk::Outcome;
use icescope_probe_kit::message::Request;
use icescope_probe_kit::testing::{Authority, DeadPort, Validity};
use serde_json::json;

/// Ends with its test.
struct Coturn(Child);

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `None` if there is none on this machine.
fn start(port: u16, tls_port: u16, folder: &Path) -> Option<Coturn> {
    let authority = Authority::new("Test authority");
    let identity = authority.issue(&["127.0.0.1"], Validity::Now);
    for (name, text) in
        [("ca.pem", &authority.pem), ("chain.pem", &identity.chain_pem), ("key.pem", &identity.key_pem)]
    {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let in_folder = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    let started = Command::new("turnserver")
        .args(["-n", "--listening-ip=127.0.0.1", "--listening-ip=127.0.0.2", "--relay-ip=127.0.0.1"])
        .args(["--no-cli", "--no-dtls", "--no-auth", "--simple-log", "--log-file=/dev/null"])
        .args([format!("--listening-port={port}"), format!("--tls-listening-port={tls_port}")])
        .args([in_folder("cert", "chain.pem"), in_folder("pkey", "key.pem")])
        .args([in_folder("pidfile", "pid"), in_folder("userdb", "db")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(child) => Some(Coturn(child)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("coturn does not start: {error}"),
    }
}

/// Waits until it answers by UDP and takes connections for TLS.
fn wait(udp: SocketAddr, tls: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    let end = Instant::now() + Duration::from_secs(30);
    let mut answered = false;
    while Instant::now() < end {
        let request = Request::binding().encode().expect("a request");
        socket.send_to(&request, udp).expect("sent");
        answered |= socket.recv(&mut [0; 512]).is_ok();
        if answered && TcpStream::connect(tls).is_ok() {
            return;
        }
    }
    panic!("coturn does not answer");
}

#[test]
fn coturn_is_measured_by_udp_tcp_and_tls_and_known_to_speak_rfc_5780() {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, tls_port) = {
        let ports = (DeadPort::new(), DeadPort::new());
        (ports.0.address().port(), ports.1.address().port())
    };
    let Some(_coturn) = start(port, tls_port, folder.path()) else {
        eprintln!(
            "SKIPPED: coturn_is_measured_by_udp_tcp_and_tls: turnserver is not installed (Debian: coturn)"
        );
        return;
    };
    let (udp, tls) = (SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([127, 0, 0, 1], tls_port)));
    wait(udp, tls);
    let (stun, stuns) = (format!("stun:{udp}"), format!("stuns:{tls}"));
    let ran = run(&[&stun, &stuns], &json!({ "timeout": 20, "ca-file": folder.path().join("ca.pem") }));
    for report in ran.reports() {
        let protocols: &[&str] = if report.subject == stun { &["udp", "tcp"] } else { &["tls"] };
        for protocol in protocols {
            let path = path(&report.document, protocol);
            assert_eq!(path["reachable"], true, "{:#}", report.document);
            assert_eq!(path["mapped_address"], path["local_address"]);
            assert_eq!(path["loss"], json!({ "sent": 5, "lost": 0 }));
            assert!(path["software"].as_str().expect("SOFTWARE").starts_with("Coturn"), "{path:#}");
            println!("coturn by {protocol}: {} ms (median of 5)", path["rtt_ms"]["median"]);
        }
        if report.subject == stun {
            let udp = path(&report.document, "udp");
            assert_eq!(udp["rfc5780"], true, "{udp:#}");
            assert_eq!(udp["other_address"], format!("127.0.0.2:{}", port + 1));
        } else {
            assert_eq!(path(&report.document, "tls")["tls"]["verified"], true);
        }
    }
    assert_eq!(ran.outcome(), Outcome::Pass);
}
