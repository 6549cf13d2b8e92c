//! A server on a free port, and an HTTP client that sends what no well-behaved one would.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use icescope_evidence::{Evidence, Session};
use icescope_model::api::{ApiError, SessionOpened};
use icescope_model::{Event, EventSink, SessionId};
use icescope_server::{Handle, Options, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::peer::FakePeer;

/// More than anything here takes; a test that gets there has failed.
pub const PATIENCE: Duration = Duration::from_secs(15);

pub const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientclientclientclient\r\n\
    a=recvonly\r\na=rtpmap:96 VP8/90000\r\n";

pub struct Running {
    pub address: SocketAddr,
    pub evidence: Evidence,
    pub peer: Arc<FakePeer>,
    pub handle: Handle,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<()>,
}

pub fn options() -> Options {
    Options {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        gather_wait: Duration::from_millis(300),
        session_burst: 1_000,
        ..Options::default()
    }
}

pub fn evidence_options() -> icescope_evidence::Options {
    icescope_evidence::Options {
        max_events: 3_000,
        max_sessions: 100,
        ..icescope_evidence::Options::default()
    }
}

pub fn start() -> Running {
    start_with(options(), evidence_options())
}

pub fn start_with(options: Options, evidence: icescope_evidence::Options) -> Running {
    let peer = FakePeer::new();
    let (sink, source) = EventSink::new(1_024);
    let evidence = Evidence::start(evidence, sink, source, Arc::clone(&peer) as _);
    let server = Server::bind(options, evidence.clone()).unwrap();
    let address = server.local_addrs()[0];
    let handle = server.handle();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(server.serve(shutdown.clone()));
    Running { address, evidence, peer, handle, shutdown, served }
}

/// A request under construction.
#[derive(Clone)]
pub struct Ask {
    address: SocketAddr,
    method: String,
    path: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Running {
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask {
            address: self.address,
            method: method.into(),
            path: path.into(),
            fields: vec![("host".into(), self.address.to_string())],
            body: Vec::new(),
        }
    }

    pub fn post_offer(&self, path: &str) -> Ask {
        self.ask("POST", path).with("content-type", "application/sdp").body(OFFER)
    }

    /// A session as the page opens it.
    pub async fn open(&self) -> SessionOpened {
        let reply = self.ask("POST", "/api/sessions").send().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }

    pub fn session(&self, id: SessionId) -> Arc<Session> {
        self.evidence.session(id).unwrap()
    }

    /// The session that was opened last.
    pub fn newest(&self) -> Arc<Session> {
        self.session(self.evidence.sessions()[0].id)
    }
}

impl Ask {
    /// Sets a header field; an empty value takes it away.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.fields.push((name.into(), value.into()));
        }
        self
    }

    /// Adds a header field, beside others of that name.
    pub fn also(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    pub fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.fields {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PATCH" | "PUT") {
            head.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head + "\r\n"
    }

    pub async fn send(self) -> Reply {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.send_on(stream).await
    }

    pub async fn send_on(
        self,
        mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    ) -> Reply {
        stream.write_all(self.head().as_bytes()).await.unwrap();
        stream.write_all(&self.body).await.unwrap();
        let mut bytes = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an answer in time").unwrap();
        Reply::parse(&bytes)
    }
}

impl Reply {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let fields: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        assert!(!fields.iter().any(|(name, _)| name == "transfer-encoding"), "no answer here is chunked");
        Self { status, fields, body: bytes[end + 4..].to_vec() }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.field("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The refusal must be of this status and code, with words for a person.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> ApiError {
        let error: ApiError = self.json();
        assert_eq!((self.status, error.code.as_str()), (status, code), "{}", error.message);
        assert!(error.message.len() > 15, "{}", error.message);
        error
    }
}

/// Waits until the session's record has an event that fits.
pub async fn event(session: &Session, fits: impl Fn(&Event) -> bool) -> Event {
    let mut revision = session.revision();
    let found = async {
        loop {
            if let Some(event) = session.events_since(0, usize::MAX).into_iter().find(&fits) {
                return event;
            }
            revision.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no such event in {:#?}", kinds(session)))
}

pub fn kinds(session: &Session) -> Vec<String> {
    session
        .events_since(0, usize::MAX)
        .iter()
        .map(|event| format!("{:?}→{:?} {}", event.from, event.to, event.kind))
        .collect()
}

impl Ask {
    /// Sends the body in chunks of unknown number (the request has `transfer-encoding: chunked`).
    pub async fn send_chunked(self, chunks: &[&[u8]]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = self.head().replace("content-length: 0\r\n", "");
        stream.write_all(head.as_bytes()).await.unwrap();
        for chunk in chunks {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await.unwrap();
            stream.write_all(chunk).await.unwrap();
            stream.write_all(b"\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an answer in time").unwrap();
        Reply::parse(&bytes)
    }
}

pub const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// A fragment with one candidate, of the generation of `OFFER`.
pub fn trickled(port: u16) -> String {
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientclientclientclient\r\na={}\r\n",
        crate::peer::candidate(port)
    )
}

pub fn patch(server: &Running, location: &str, tag: &str, fragment: &str) -> Ask {
    server.ask("PATCH", location).with("content-type", FRAGMENT).with("if-match", tag).body(fragment)
}

/// Where the session is that an offer made.
pub fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.field("location").unwrap().to_owned()
}
