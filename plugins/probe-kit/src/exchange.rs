//! One transaction over whatever carries it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock;
use crate::demux::{Answer, Demux};
use crate::message::Message;
use crate::observe::{Direction, End, Path, Watch};
use crate::transaction::{Retransmission, Schedule, Step};

/// What the network, or this machine, says of a packet or a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct NetworkError {
    /// What was tried, on what.
    pub what: String,
    /// What came back, and what it means.
    pub why: String,
    /// The system's kind.
    pub kind: io::ErrorKind,
}

impl NetworkError {
    pub(crate) fn new(what: impl Into<String>, error: &io::Error) -> Self {
        Self { what: what.into(), why: in_words(error), kind: error.kind() }
    }

    /// A short name of the kind for documents: `port-unreachable`, `host-unreachable`, `network-unreachable`,
    /// `prohibited`, or `other`.
    pub fn code(&self) -> &'static str {
        match self.kind {
            io::ErrorKind::ConnectionRefused => "port-unreachable",
            io::ErrorKind::HostUnreachable => "host-unreachable",
            io::ErrorKind::NetworkUnreachable => "network-unreachable",
            io::ErrorKind::PermissionDenied => "prohibited",
            io::ErrorKind::AddrNotAvailable => "no-address",
            io::ErrorKind::TimedOut => "timed-out",
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset",
            io::ErrorKind::UnexpectedEof => "closed",
            _ => "other",
        }
    }
}

/// In words that say what to look at.
fn in_words(error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused: nothing listens on that port, or a firewall rejects",
        io::ErrorKind::HostUnreachable => {
            "a router says that the host cannot be reached, or forbids it (ICMP)"
        }
        io::ErrorKind::NetworkUnreachable => {
            "no route: this machine has no address of this family, or a router knows no way"
        }
        io::ErrorKind::PermissionDenied => "a firewall forbids it, on this machine or on the way (ICMP)",
        io::ErrorKind::AddrNotAvailable => "this machine has no address to send from",
        io::ErrorKind::ConnectionReset => "the other end, or a box on the way, reset the connection",
        io::ErrorKind::UnexpectedEof => "the other end closed the connection",
        _ => return error.to_string(),
    };
    words.to_owned()
}

/// What came of one transaction.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// When each request was sent, on the clock of [`clock::now_ns`].
    pub sent_ns: Vec<i64>,
    /// The answer.
    pub answer: Option<Answer>,
    /// From the last request before the answer to the answer. Sure only where one request was sent.
    pub rtt: Option<Duration>,
    /// What the network said (ICMP, or this machine's own refusal); the transaction ends with it.
    pub error: Option<NetworkError>,
}

impl Exchange {
    /// The round trip time where it is sure: a second request makes it ambiguous (Karn).
    pub fn sure_rtt(&self) -> Option<Duration> {
        self.rtt.filter(|_| self.sent_ns.len() == 1)
    }
}

/// What carries a transaction, and who is told of it.
pub(crate) struct Carrier<'a> {
    pub(crate) path: Path,
    pub(crate) demux: &'a Arc<Demux>,
    /// Errors of the socket, each as it comes.
    pub(crate) errors: watch::Receiver<Option<NetworkError>>,
    pub(crate) watch: &'a dyn Watch,
}

impl Carrier<'_> {
    /// Sends by `schedule` until an answer comes, an error comes, or it is given up.
    pub(crate) async fn transact(
        mut self,
        request: &[u8],
        schedule: Schedule,
        send: impl AsyncFn(&[u8]) -> Result<(), NetworkError>,
    ) -> Exchange {
        let mut exchange = Exchange::default();
        let request = match Message::decode(request) {
            Ok(request) => request,
            Err(error) => {
                let (what, why) = ("a transaction's request".to_owned(), error.to_string());
                exchange.error = Some(NetworkError { what, why, kind: io::ErrorKind::InvalidInput });
                return exchange;
            }
        };
        let mut expectation = self.demux.expect(request.transaction_id());
        // Errors of before belong to somebody else's request.
        self.errors.mark_unchanged();
        let start = Instant::now();
        let mut retransmission = Retransmission::new(schedule);
        let end = loop {
            let wake = match retransmission.poll(start.elapsed()) {
                Step::GiveUp => break End::Unanswered,
                Step::Wait { wake } => wake,
                Step::Send { attempt, wake } => {
                    // Before the call: no request is later than its answer.
                    let at_ns = clock::now_ns();
                    if let Err(error) = send(request.bytes()).await {
                        break exchange.failed(error);
                    }
                    exchange.sent_ns.push(at_ns);
                    self.watch.message(Direction::Outbound, self.path, &request, attempt, at_ns);
                    wake
                }
            };
            tokio::select! {
                biased;
                Some(answer) = expectation.next() => {
                    // Our own request, come back by a hairpin, is no answer.
                    if answer.message.class().is_response() {
                        let from = Path { remote: answer.from, ..self.path };
                        self.watch.message(Direction::Inbound, from, &answer.message, 0, answer.at_ns);
                        break exchange.answered(answer);
                    }
                }
                Ok(()) = self.errors.changed() => {
                    if let Some(error) = self.errors.borrow_and_update().clone() {
                        break exchange.failed(error);
                    }
                }
                () = tokio::time::sleep_until(start + wake) => {}
            }
        };
        self.watch.ended(self.path, &request, retransmission.sent(), &end);
        exchange
    }
}

impl Exchange {
    fn answered(&mut self, answer: Answer) -> End {
        let sent = self.sent_ns.iter().rev().find(|sent| **sent <= answer.at_ns);
        let rtt = clock::between(sent.copied().unwrap_or(answer.at_ns), answer.at_ns);
        self.rtt = Some(rtt);
        self.answer = Some(answer);
        End::Answered(rtt)
    }

    fn failed(&mut self, error: NetworkError) -> End {
        let words = error.to_string();
        self.error = Some(error);
        End::Network(words)
    }
}
