//! TCP and TLS on the loopback interface.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use icescope_probe_kit::message::Request;
use icescope_probe_kit::stream::{self, Connection, TlsError, TlsFacts, TrustAnchors, frames};
use icescope_probe_kit::testing::{self, Authority, DeadPort, Servers, Validity};
use icescope_probe_kit::url::{Host, Protocol};

/// What a test waits for at most; nothing here takes as long unless it is broken.
const LIMIT: Duration = Duration::from_secs(20);

fn request() -> Vec<u8> {
    Request::binding().encode().expect("right for a test")
}

fn trusting(authority: &Authority) -> TrustAnchors {
    let mut file = tempfile::NamedTempFile::new().expect("right for a test");
    file.write_all(authority.pem.as_bytes()).expect("right for a test");
    TrustAnchors::load(Some(file.path())).expect("right for a test")
}

fn name(name: &str) -> Host {
    Host::Name(name.to_owned())
}

async fn tls(remote: SocketAddr, host: &Host, anchors: &TrustAnchors) -> (TlsFacts, Option<Connection>) {
    stream::connect(remote, host, anchors, LIMIT).await.expect("a TCP connection")
}

fn code(facts: &TlsFacts) -> Option<TlsError> {
    facts.error.as_ref().map(|error| error.code)
}

#[tokio::test]
async fn transactions_run_over_tcp() {
    let servers = Servers::new();
    let server = servers.tcp(testing::plain());
    let connection = Connection::tcp(server, LIMIT).await.unwrap();
    for _ in 0..3 {
        let exchange = connection.transact(&request(), LIMIT, &()).await;
        let answer = exchange.answer.clone().expect("an answer");
        assert_eq!(answer.message.xor_mapped_address(), Some(connection.path().local));
        assert!(exchange.sure_rtt().is_some());
    }
    assert_eq!(connection.path().protocol, Protocol::Tcp);
}

#[tokio::test]
async fn a_closed_tcp_port_is_refused() {
    let dead = DeadPort::new();
    let error = Connection::tcp(dead.address(), LIMIT).await.unwrap_err();
    assert_eq!(error.code(), "port-unreachable");
    assert!(error.to_string().contains("nothing listens"), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_up_ends_the_transaction_at_once_and_those_after_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let connection = Connection::tcp(server, LIMIT).await.unwrap();
    drop(listener.accept().await.unwrap());
    let exchange = connection.transact(&request(), LIMIT, &()).await;
    let error = exchange.error.expect("the end");
    assert!(matches!(error.code(), "closed" | "reset"), "{error}");
    let after = connection.transact(&request(), LIMIT, &()).await;
    assert!(after.error.is_some() && after.sent_ns.is_empty());
}

#[tokio::test]
async fn what_is_no_stun_ends_the_connection_and_says_so() {
    let servers = Servers::new();
    let server = servers.tcp(std::sync::Arc::new(|_, _, _| vec![vec![0xff; 30]]));
    let connection = Connection::tcp(server, LIMIT).await.unwrap();
    let error = connection.transact(&request(), LIMIT, &()).await.error.unwrap();
    assert!(error.to_string().contains("something else than STUN"), "{error}");
}

#[tokio::test]
async fn channel_data_belongs_to_no_transaction() {
    let servers = Servers::new();
    let server = servers.tcp(std::sync::Arc::new(|request, from, _| {
        vec![frames::channel_data(0x4001, b"hello"), testing::success(request, from).encode().unwrap()]
    }));
    let connection = Connection::tcp(server, LIMIT).await.unwrap();
    let mut data = connection.take_unclaimed().unwrap();
    assert!(connection.transact(&request(), LIMIT, &()).await.answer.is_some());
    let seen = tokio::time::timeout(LIMIT, data.recv()).await.unwrap().unwrap();
    assert_eq!(seen.bytes, [&[0x40, 1, 0, 5][..], b"hello"].concat());
}

#[tokio::test]
async fn a_trusted_certificate_is_verified_and_described() {
    let authority = Authority::new("Test authority");
    let servers = Servers::new();
    let identity = authority.issue(&["stun.example.org", "127.0.0.1"], Validity::Now);
    let server = servers.tls(&identity, testing::plain());
    let anchors = trusting(&authority);
    for host in [name("stun.example.org"), Host::Ip(server.ip())] {
        let (facts, connection) = tls(server, &host, &anchors).await;
        assert_eq!((facts.verified, &facts.error), (Some(true), &None));
        assert_eq!(facts.version.as_deref(), Some("TLSv1_3"));
        assert_eq!(facts.chain.len(), 2);
        let own = &facts.chain[0];
        assert_eq!(own.names, ["stun.example.org", "127.0.0.1"]);
        assert!(own.subject.contains("a test server") && own.issuer.contains("Test authority"), "{own:?}");
        assert_eq!(
            (own.not_before.as_str(), own.not_after.as_str()),
            ("2000-01-01T00:00:00Z", "2098-01-01T00:00:00Z")
        );
        assert!(own.days_left > 0);
        let connection = connection.expect("a connection");
        let answer = connection.transact(&request(), LIMIT, &()).await.answer.expect("an answer");
        assert_eq!(answer.message.xor_mapped_address(), Some(connection.path().local));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told_apart_and_it_is_described_all_the_same() {
    let (authority, stranger) = (Authority::new("Test authority"), Authority::new("Somebody"));
    let servers = Servers::new();
    let anchors = trusting(&authority);
    let good = name("stun.example.org");
    let table = [
        (authority.issue(&["stun.example.org"], Validity::Expired), TlsError::Expired, "renewed"),
        (authority.issue(&["stun.example.org"], Validity::NotYet), TlsError::NotYetValid, "clock"),
        (authority.issue(&["other.example.org"], Validity::Now), TlsError::WrongName, "«stun.example.org»"),
        (stranger.issue(&["stun.example.org"], Validity::Now), TlsError::UntrustedIssuer, "does not trust"),
    ];
    for (identity, expected, words) in table {
        let server = servers.tls(&identity, testing::plain());
        let (facts, connection) = tls(server, &good, &anchors).await;
        assert_eq!(code(&facts), Some(expected), "{facts:?}");
        assert_eq!(facts.verified, Some(false));
        let text = facts.error.as_ref().unwrap().to_string();
        assert!(text.contains(words), "{text}");
        assert_eq!(facts.chain.len(), 2, "the chain is described");
        assert_eq!(facts.chain[0].days_left < 0, expected == TlsError::Expired);
        assert!(connection.is_none());
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_called_by_its_name() {
    let servers = Servers::new();
    let server = servers.tls(&Authority::self_signed(&["stun.example.org"]), testing::plain());
    let anchors = trusting(&Authority::new("Test authority"));
    let (facts, _) = tls(server, &name("stun.example.org"), &anchors).await;
    assert_eq!((code(&facts), facts.verified), (Some(TlsError::UntrustedIssuer), Some(false)));
    let text = facts.error.unwrap().to_string();
    assert!(text.contains("self-signed"), "{text}");
}

#[tokio::test]
async fn a_plain_tcp_server_is_known_as_one() {
    // It answers the ClientHello with something of its own, as a server for plain text does.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let answer = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Kept open until the client has read it: closing with unread bytes would reset the connection.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    let anchors = TrustAnchors::load(None).unwrap();
    let (facts, connection) = tls(server, &name("localhost"), &anchors).await;
    assert_eq!(code(&facts), Some(TlsError::NotTls), "{facts:?}");
    assert_eq!((facts.verified, facts.chain.len(), connection.is_none()), (None, 0, true));
    answer.await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_given_up_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let anchors = TrustAnchors::load(None).unwrap();
    let limit = Duration::from_millis(100);
    let (facts, _) = stream::connect(server, &name("localhost"), &anchors, limit).await.unwrap();
    assert_eq!(code(&facts), Some(TlsError::TimedOut));
}

#[test]
fn trust_anchors_that_cannot_be_read_are_an_error_with_the_file() {
    let missing = TrustAnchors::load(Some(std::path::Path::new("/nonexistent/ca.pem"))).unwrap_err();
    assert!(missing.to_string().contains("/nonexistent/ca.pem"), "{missing}");
    let empty = tempfile::NamedTempFile::new().unwrap();
    let none = TrustAnchors::load(Some(empty.path())).unwrap_err();
    assert!(none.to_string().contains("no certificate in it"), "{none}");
}
