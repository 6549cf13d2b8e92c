//! The way between this host and a server: UDP, TCP or TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use icescope_probe_kit::clock::milliseconds;
use icescope_probe_kit::demux::Datagram;
use icescope_probe_kit::exchange::{Exchange, NetworkError};
use icescope_probe_kit::message::Message;
use icescope_probe_kit::observe::Watch;
use icescope_probe_kit::stream::{self, Connection, TlsFacts, TrustAnchors};
use icescope_probe_kit::transaction::Schedule;
use icescope_probe_kit::udp::Socket;
use icescope_probe_kit::url::{Host, Protocol};
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use crate::step::{Action, Failure, Step};

#[derive(Debug)]
enum Carrier {
    Udp(Socket),
    Stream(Connection),
}

/// The way. Its tasks end with it.
#[derive(Debug)]
pub struct Link {
    carrier: Carrier,
    remote: SocketAddr,
    unclaimed: Mutex<mpsc::Receiver<Datagram>>,
}

/// What came of making one.
#[derive(Debug, Default)]
pub struct Made {
    /// The way, if it stands.
    pub link: Option<Link>,
    /// Of TCP and TLS.
    pub steps: Vec<Step>,
    /// Of TLS.
    pub tls: Option<TlsFacts>,
}

/// What came back for a request.
#[derive(Debug)]
pub enum Answered {
    /// An answer.
    Message(Box<Message>),
    /// None, and why.
    Failed(Failure, String),
}

impl Link {
    /// Makes a way to `address`; `host` is the name that a certificate has to bear.
    pub async fn make(
        address: SocketAddr,
        protocol: Protocol,
        host: &Host,
        trust: &TrustAnchors,
        limit: Duration,
    ) -> Made {
        let start = Instant::now();
        let mut made = Made::default();
        let carrier = match protocol {
            Protocol::Udp => Socket::connect(address).await.map(Carrier::Udp),
            Protocol::Tcp => Connection::tcp(address, limit).await.map(Carrier::Stream),
            Protocol::Tls => match stream::connect(address, host, trust, limit).await {
                Ok((facts, connection)) => {
                    made.steps.push(handshake(&facts, milliseconds(start.elapsed())));
                    made.tls = Some(facts);
                    let Some(connection) = connection else { return made };
                    Ok(Carrier::Stream(connection))
                }
                Err(error) => Err(error),
            },
            Protocol::Dtls => {
                let why = "TURN over DTLS is not tested by this probe".to_owned();
                made.steps.push(Step::failed(Action::Connect, 0.0, Failure::Unreachable, why));
                return made;
            }
        };
        let ms = milliseconds(start.elapsed());
        match carrier {
            Ok(carrier) => {
                if protocol == Protocol::Tcp {
                    made.steps.push(Step::passed(Action::Connect, ms));
                }
                let unclaimed = match &carrier {
                    Carrier::Udp(socket) => socket.take_unclaimed(),
                    Carrier::Stream(connection) => connection.take_unclaimed(),
                };
                made.link = unclaimed.map(|unclaimed| Self {
                    carrier,
                    remote: address,
                    unclaimed: Mutex::new(unclaimed),
                });
            }
            Err(error) => made.steps.push(Step::failed(Action::Connect, ms, failure(&error), error.why)),
        }
        made
    }

    /// This end's address.
    pub fn local_address(&self) -> SocketAddr {
        match &self.carrier {
            Carrier::Udp(socket) => socket.local_address(),
            Carrier::Stream(connection) => connection.path().local,
        }
    }

    /// TCP or TLS.
    pub fn is_stream(&self) -> bool {
        matches!(self.carrier, Carrier::Stream(_))
    }

    /// Sends a request, again and again over UDP, and waits for its answer for at most `limit`.
    pub async fn transact(&self, request: &[u8], limit: Duration, watch: &dyn Watch) -> Answered {
        let exchange = match &self.carrier {
            Carrier::Udp(socket) => {
                socket.transact(request, self.remote, Schedule::within(limit), watch).await
            }
            Carrier::Stream(connection) => connection.transact(request, limit, watch).await,
        };
        answered(exchange, limit)
    }

    /// Sends a message that wants no answer. False if the way is gone.
    pub async fn send(&self, message: &[u8]) -> bool {
        match &self.carrier {
            Carrier::Udp(socket) => {
                // A datagram that this machine cannot send is as lost as one that is lost later.
                let _ = socket.send(message, self.remote).await;
                true
            }
            Carrier::Stream(connection) => connection.send(message).await.is_ok(),
        }
    }

    /// The next message that is no answer; `None` if there will be none.
    pub async fn unclaimed(&self) -> Option<Vec<u8>> {
        let mut unclaimed = self.unclaimed.lock().await;
        unclaimed.recv().await.map(|datagram| datagram.bytes)
    }
}

fn answered(exchange: Exchange, limit: Duration) -> Answered {
    match (exchange.answer, exchange.error) {
        (Some(answer), _) => Answered::Message(Box::new(answer.message)),
        (None, Some(error)) => Answered::Failed(failure(&error), error.why),
        (None, None) => {
            let requests = exchange.sent_ns.len();
            let plural = if requests == 1 { "" } else { "s" };
            Answered::Failed(
                Failure::Timeout,
                format!("no answer to {requests} request{plural} in {limit:.1?}"),
            )
        }
    }
}

fn handshake(facts: &TlsFacts, ms: f64) -> Step {
    match &facts.error {
        None => {
            let version = facts.version.as_deref().unwrap_or("TLS");
            Step::passed(Action::Tls, ms).detail(format!("{version}, TCP included"))
        }
        Some(error) => Step::failed(Action::Tls, ms, Failure::Tls, error.words.clone()),
    }
}

fn failure(error: &NetworkError) -> Failure {
    match error.kind {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut => Failure::Timeout,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            Failure::Closed
        }
        io::ErrorKind::InvalidData => Failure::Invalid,
        _ => Failure::Unreachable,
    }
}
