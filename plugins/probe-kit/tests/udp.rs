//! Transactions over real UDP sockets on the loopback interface.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use icescope_probe_kit::message::{Message, Request};
use icescope_probe_kit::observe::{Direction, End, Path, Watch};
use icescope_probe_kit::testing::{self, DeadPort, Servers};
use icescope_probe_kit::transaction::Schedule;
use icescope_probe_kit::udp::Socket;

/// What a test waits for at most; nothing here takes as long unless it is broken.
const LIMIT: Duration = Duration::from_secs(20);

/// Notes what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Watch for Notes {
    fn message(&self, direction: Direction, path: Path, message: &Message, attempt: u32, at_ns: i64) {
        assert!(at_ns > 0 && path.local.port() != 0);
        let word = format!("{direction:?} {} {attempt}", message.class().name());
        self.0.lock().expect("right for a test").push(word);
    }

    fn ended(&self, _: Path, _: &Message, attempts: u32, end: &End) {
        let word = match end {
            End::Answered(_) => "answered",
            End::Unanswered => "unanswered",
            End::Network(_) => "network",
        };
        self.0.lock().expect("right for a test").push(format!("{word} after {attempts}"));
    }
}

fn quick(rc: u32) -> Schedule {
    Schedule { rto: Duration::from_millis(20), rc, rm: 1, limit: LIMIT }
}

fn request() -> Vec<u8> {
    Request::binding().encode().expect("right for a test")
}

#[tokio::test]
async fn an_answer_is_known_with_its_source_its_time_and_the_local_address() {
    let servers = Servers::new();
    let server = servers.udp(testing::plain());
    let socket = Socket::connect(server).await.unwrap();
    let notes = Notes::default();
    let exchange = socket.transact(&request(), server, Schedule::within(LIMIT), &notes).await;
    let answer = exchange.answer.clone().expect("an answer");
    assert_eq!(answer.from, server);
    assert_eq!(answer.message.xor_mapped_address(), Some(socket.local_address()), "no NAT on the loopback");
    assert!(answer.at_ns >= exchange.sent_ns[0]);
    assert!(exchange.sure_rtt().is_some());
    let notes = notes.0.into_inner().unwrap();
    assert_eq!(notes, ["Outbound request 1", "Inbound success response 0", "answered after 1"]);
}

#[tokio::test]
async fn a_lost_request_is_sent_again_with_the_same_id_and_its_round_trip_is_not_sure() {
    let ids = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&ids);
    let behaviour: testing::Behaviour = Arc::new(move |request, from, count| {
        kept.lock().unwrap().push(request.transaction_id());
        if count < 3 { Vec::new() } else { testing::plain()(request, from, count) }
    });
    let servers = Servers::new();
    let server = servers.udp(behaviour);
    let socket = Socket::connect(server).await.unwrap();
    let exchange = socket.transact(&request(), server, quick(50), &()).await;
    assert!(exchange.answer.is_some());
    assert!(exchange.sent_ns.len() >= 3);
    assert_eq!(exchange.sure_rtt(), None);
    let ids = ids.lock().unwrap().clone();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn a_closed_port_is_known_at_once_by_icmp() {
    let dead = DeadPort::new();
    let server = dead.address();
    let socket = Socket::connect(server).await.unwrap();
    let notes = Notes::default();
    let exchange = socket.transact(&request(), server, Schedule::within(LIMIT), &notes).await;
    let error = exchange.error.expect("an ICMP error");
    assert_eq!(error.code(), "port-unreachable");
    assert!(error.to_string().contains("nothing listens"), "{error}");
    assert!(exchange.answer.is_none());
    assert_eq!(notes.0.into_inner().unwrap().last().unwrap(), "network after 1");
}

#[tokio::test]
async fn a_black_hole_is_given_up_after_all_its_requests() {
    let servers = Servers::new();
    let server = servers.udp(testing::silent());
    let socket = Socket::connect(server).await.unwrap();
    let notes = Notes::default();
    let exchange = socket.transact(&request(), server, quick(3), &notes).await;
    assert!(exchange.answer.is_none() && exchange.error.is_none());
    assert_eq!(exchange.sent_ns.len(), 3);
    assert_eq!(notes.0.into_inner().unwrap().last().unwrap(), "unanswered after 3");
}

#[tokio::test]
async fn many_transactions_at_once_get_each_its_own_answer() {
    // The server answers every second request first: the answers come in another order than the requests left in.
    let held = Mutex::new(None);
    let behaviour: testing::Behaviour = Arc::new(move |request, from, _| {
        let answer = testing::success(request, from).encode().unwrap();
        let mut held = held.lock().unwrap();
        if let Some(first) = held.take() {
            return vec![answer, first];
        }
        *held = Some(answer);
        Vec::new()
    });
    let servers = Servers::new();
    let server = servers.udp(behaviour);
    let socket = Socket::bind_towards(server).await.unwrap();
    let requests: Vec<_> = (0..10).map(|_| Request::binding().encode().unwrap()).collect();
    let running = requests.iter().map(|request| socket.transact(request, server, Schedule::once(LIMIT), &()));
    let exchanges = futures_util::future::join_all(running).await;
    for (request, exchange) in requests.iter().zip(exchanges) {
        assert_eq!(exchange.answer.expect("an answer").message.transaction_id(), request[8..20]);
    }
}

#[tokio::test]
async fn an_answer_at_another_socket_is_found_there_and_data_belongs_to_nobody() {
    let here = Socket::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let there = Socket::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let request = Request::binding();
    let mut expectation = there.expect(request.transaction_id());
    here.send(&request.encode().unwrap(), there.local_address()).await.unwrap();
    let seen = tokio::time::timeout(LIMIT, expectation.next()).await.unwrap().unwrap();
    assert_eq!(seen.from, here.local_address());
    drop(expectation);
    let mut data = there.take_unclaimed().unwrap();
    assert!(there.take_unclaimed().is_none(), "taken once");
    here.send(b"data", there.local_address()).await.unwrap();
    // Nobody expects this id any longer.
    here.send(&request.encode().unwrap(), there.local_address()).await.unwrap();
    let first = tokio::time::timeout(LIMIT, data.recv()).await.unwrap().unwrap();
    assert_eq!((first.bytes.as_slice(), first.from), (&b"data"[..], here.local_address()));
    let second = tokio::time::timeout(LIMIT, data.recv()).await.unwrap().unwrap();
    assert_eq!(second.bytes.len(), 20);
}

#[tokio::test]
async fn what_is_no_request_is_an_error_and_not_sent() {
    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let exchange = socket.transact(b"x", socket.local_address(), Schedule::default(), &()).await;
    assert!(exchange.error.unwrap().to_string().contains("too short"));
    assert!(exchange.sent_ns.is_empty());
}
