//! The peer alone behind the smallest HTTP server, to measure it without the rest of the daemon.
//!
//! `serve LISTEN DIRECTORY`: plays the VP8 frames in DIRECTORY (one file each, in the order of their names, made by
//! `… ! vp8enc ! multifilesink location=f%04d.vp8`) in a loop at 30 frames per second.
#![allow(missing_docs, clippy::large_futures)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use icescope_model::media::{AccessUnit, Bitstream, Control, Format, MediaMessage, SourceError};
use icescope_model::signal::{CloseReason, Direction, Offer, Trickle};
use icescope_model::{EventSink, SessionId};
use icescope_peer::{OpenStream, Options, Peer, Sources};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Failure = Box<dyn Error + Send + Sync>;

const FRAME: Duration = Duration::from_nanos(33_333_333);

struct Recorded {
    frames: Arc<Vec<Bytes>>,
}

impl Sources for Recorded {
    fn default_source(&self) -> String {
        "bars".into()
    }

    fn formats(&self, _name: &str) -> Result<Vec<Format>, SourceError> {
        let (bitstream, mime) = (Bitstream::Frame, "video/VP8".to_owned());
        Ok(vec![Format {
            bitstream,
            mime,
            fmtp: String::new(),
            width: 640,
            height: 480,
            frame_rate: (30, 1),
            bit_rate: None,
        }])
    }

    fn open(&self, _name: &str, _format: usize) -> Result<OpenStream, SourceError> {
        let (messages, receiver) = mpsc::channel(8);
        let asked = Arc::new(AtomicBool::new(false));
        tokio::spawn(play(Arc::clone(&self.frames), messages, Arc::clone(&asked)));
        let controls = move |control| {
            if control == Control::KeyFrame {
                asked.store(true, Ordering::Relaxed);
            }
        };
        Ok((receiver, Box::new(controls)))
    }
}

async fn play(frames: Arc<Vec<Bytes>>, messages: mpsc::Sender<MediaMessage>, asked: Arc<AtomicBool>) {
    let key = |at: usize| frames[at].first().is_some_and(|byte| byte & 1 == 0);
    let mut tick = tokio::time::interval(FRAME);
    let mut at = 0;
    for number in 0i64.. {
        tick.tick().await;
        if asked.swap(false, Ordering::Relaxed) {
            // A recording cannot make a key frame: it goes on at its next one.
            at = (at..frames.len()).find(|at| key(*at)).unwrap_or(0);
        }
        let unit = AccessUnit {
            data: frames[at].clone(),
            key: key(at),
            discontinuity: false,
            droppable: false,
            pts_ns: number * 33_333_333,
            duration_ns: 33_333_333,
            captured: None,
        };
        at = (at + 1) % frames.len();
        if messages.send(MediaMessage::Unit(unit)).await.is_err() {
            return;
        }
    }
}

const PAGE: &str = r#"<!doctype html><button id="start">Start</button><video autoplay muted playsinline></video><script>
document.querySelector('#start').onclick = async () => {
  const connection = new RTCPeerConnection();
  window.connection = connection;
  let location;
  const pending = [];
  const send = (candidate) => fetch(location, { method: 'PATCH', body: candidate });
  connection.onicecandidate = ({ candidate }) => {
    if (!candidate || !candidate.candidate) return;
    if (location) send(candidate.candidate); else pending.push(candidate.candidate);
  };
  connection.addTransceiver('video', { direction: 'recvonly' });
  connection.ontrack = ({ track }) => { document.querySelector('video').srcObject = new MediaStream([track]); };
  await connection.setLocalDescription();
  const answer = await fetch('/whep', { method: 'POST', body: connection.localDescription.sdp });
  location = answer.headers.get('Location');
  await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  pending.forEach(send);
};
</script>"#;

type Known = Arc<Mutex<HashMap<String, SessionId>>>;

async fn serve(mut stream: TcpStream, peer: Peer, known: Known) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(buffer[..end].to_vec())?;
                let header = head.lines().find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned)
                });
                let length = header.map_or(Ok(0), |value| value.trim().parse::<usize>())?;
                buffer.drain(..end + 4);
                break (head, length);
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        while buffer.len() < length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body = String::from_utf8(buffer.drain(..length).collect())?;
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let session = known.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let (status, headers, answer) = match (method, session) {
            ("POST", _) => {
                let id = SessionId::random();
                let direction = Direction::Play { source: None };
                match peer.answer(id, Offer { sdp: body, direction, gather_for: Duration::ZERO }).await {
                    Ok(answer) => {
                        let path = format!("/whep/{id}");
                        known.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), id);
                        (
                            "201 Created",
                            format!("Location: {path}\r\nContent-Type: application/sdp\r\n"),
                            answer.sdp,
                        )
                    }
                    Err(error) => ("400 Bad Request", String::new(), error.to_string()),
                }
            }
            ("PATCH", Some(id)) => {
                let fragment = Trickle { candidates: vec![body], ..Trickle::default() };
                let outcome = peer.trickle(id, fragment).await;
                (
                    "204 No Content",
                    String::new(),
                    outcome.err().map(|error| error.to_string()).unwrap_or_default(),
                )
            }
            ("DELETE", Some(id)) => {
                peer.close(id, CloseReason::Deleted);
                ("200 OK", String::new(), String::new())
            }
            ("GET", _) => ("200 OK", "Content-Type: text/html\r\n".to_owned(), PAGE.to_owned()),
            _ => ("404 Not Found", String::new(), String::new()),
        };
        let answer = if status.starts_with("204") { String::new() } else { answer };
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", answer.len());
        stream.write_all((head + &answer).as_bytes()).await?;
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let mut words = std::env::args().skip(1);
    let (Some(listen), Some(directory)) = (words.next(), words.next()) else {
        return Err("serve LISTEN DIRECTORY".into());
    };
    let mut files: Vec<_> =
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let frames = files
        .iter()
        .map(|file| Ok(Bytes::from(std::fs::read(file)?)))
        .collect::<std::io::Result<Vec<_>>>()?;
    let (sink, mut events) = EventSink::new(4096);
    let verbose = std::env::var_os("EVENTS").is_some();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if verbose {
                println!("{:>12} {:?} {} {}", event.at.0 / 1000, event.evidence, event.kind, event.summary);
            }
        }
    });
    let options = Options {
        warm_default: true,
        allow_loopback: std::env::var_os("LOOPBACK").is_some(),
        max_sessions: 1000,
        ..Options::default()
    };
    let peer = Peer::new(options, Arc::new(Recorded { frames: Arc::new(frames) }), sink)?;
    let listener = TcpListener::bind(&listen).await?;
    let known = Known::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let (peer, known) = (peer.clone(), Arc::clone(&known));
        tokio::spawn(async move {
            if let Err(error) = serve(stream, peer, known).await {
                tracing::info!(%error, "a connection ended");
            }
        });
    }
}
