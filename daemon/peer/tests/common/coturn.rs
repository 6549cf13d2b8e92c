//! A real TURN server (coturn) on loopback, over UDP, TCP and TLS.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// The right password, or the secret that passwords are made with.
pub const SECRET: &str = "a-turn-password";
/// The user.
pub const USER: &str = "turn-user-name";

/// A certificate and its key, in PEM.
pub struct Identity {
    pub chain: String,
    pub key: String,
}

/// A running coturn; ends with this.
pub struct Turn {
    child: Child,
    _files: tempfile::TempDir,
    /// UDP and TCP.
    pub address: SocketAddr,
    /// TLS over TCP, if it has an identity.
    pub tls: SocketAddr,
}

impl Turn {
    /// Ends it without a word.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// How users are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Users {
    /// One with a password.
    Fixed,
    /// Any with a credential made of [`SECRET`] («TURN REST»).
    TimeLimited,
}

/// A port that is free for UDP and TCP.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts coturn; `None`, and loudly, where it is not installed.
pub async fn coturn(users: Users, identity: Option<&Identity>) -> Option<Turn> {
    coturn_at(free_port(), users, identity).await
}

/// The same on a port.
pub async fn coturn_at(port: u16, users: Users, identity: Option<&Identity>) -> Option<Turn> {
    let tls = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let files = tempfile::tempdir().unwrap();
    let mut command = Command::new("turnserver");
    command
        .args(["-n", "--no-cli", "--no-dtls", "--no-tcp-relay", "--allow-loopback-peers"])
        .args(["--lt-cred-mech", "--realm", "test.example", "--log-file", "stdout", "--no-stdout-log"])
        .args(["--pidfile", "/dev/null", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
        .arg(format!("--listening-port={port}"));
    match users {
        Users::Fixed => command.arg(format!("--user={USER}:{SECRET}")),
        Users::TimeLimited => command.args(["--use-auth-secret", &format!("--static-auth-secret={SECRET}")]),
    };
    match identity {
        Some(identity) => {
            let [chain, key] = ["chain.pem", "key.pem"].map(|name| files.path().join(name));
            std::fs::write(&chain, &identity.chain).unwrap();
            std::fs::write(&key, &identity.key).unwrap();
            command
                .arg("--cert")
                .arg(chain)
                .arg("--pkey")
                .arg(key)
                .arg(format!("--tls-listening-port={tls}"));
        }
        None => {
            command.arg("--no-tls");
        }
    }
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!(
                "SKIPPED: relayed connections are not tested: turnserver (Debian package coturn): {error}"
            );
            return None;
        }
    };
    let tls = SocketAddr::from(([127, 0, 0, 1], tls));
    let up = async {
        is_up(address).await;
        while identity.is_some() && tokio::net::TcpStream::connect(tls).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), up).await.expect("the TURN server comes up");
    Some(Turn { child, _files: files, address, tls })
}

/// It is up when it answers a Binding request.
async fn is_up(address: SocketAddr) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([3; 12]);
    let mut buffer = [0; 500];
    loop {
        let _ = socket.send_to(&request, address).await;
        let answer = tokio::time::timeout(Duration::from_millis(50), socket.recv_from(&mut buffer)).await;
        if let Ok(Ok(_)) = answer {
            return;
        }
    }
}
