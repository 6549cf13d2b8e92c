//! A crowd of viewers for the bench: each plays over WHEP, counts what arrives, and tells at the end.
//!
//! `viewer --url http://HOST:PORT [--source NAME] [--viewers N] [--seconds S]`; ends after S seconds or at SIGINT.
#![allow(missing_docs, clippy::large_futures)]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCSessionDescription, Registry, SettingEngineBuilder, register_default_interceptors,
};

type Failure = Box<dyn Error + Send + Sync>;

/// Longest wait for a viewer's first frame.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(20);

struct Arguments {
    host: String,
    path: String,
    viewers: usize,
    seconds: Option<u64>,
}

fn arguments() -> Result<Arguments, Failure> {
    let (mut url, mut source, mut viewers, mut seconds) = (None, None, 1, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--url" => url = Some(value),
            "--source" => source = Some(value),
            "--viewers" => viewers = value.parse()?,
            "--seconds" => seconds = Some(value.parse()?),
            _ => return Err(format!("unknown argument {word}").into()),
        }
    }
    let url = url.ok_or("--url http://HOST:PORT is needed")?;
    let host = url.strip_prefix("http://").ok_or("only http:// is spoken")?.trim_end_matches('/').to_owned();
    let path = source.map_or("/whep".to_owned(), |name| format!("/whep/{name}"));
    Ok(Arguments { host, path, viewers, seconds })
}

/// Counts of one viewer.
#[derive(Default)]
struct Counts {
    packets: AtomicU64,
    bytes: AtomicU64,
    frames: AtomicU64,
}

struct Handler {
    gathered: watch::Sender<bool>,
    tracks: mpsc::Sender<Arc<dyn TrackRemote>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.tracks.try_send(track);
    }
}

/// A running viewer: its connection, the resource to delete, and how long the first frame took.
struct Viewer {
    connection: Arc<dyn PeerConnection>,
    resource: String,
    counts: Arc<Counts>,
    first_frame: Duration,
}

fn codec(name: &str, payload_type: u8, fmtp: &str) -> RTCRtpCodecParameters {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback { typ: typ.into(), parameter: parameter.into() };
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: format!("video/{name}"),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: fmtp.into(),
            rtcp_feedback: vec![feedback("nack", ""), feedback("nack", "pli"), feedback("ccm", "fir")],
        },
        payload_type,
    }
}

/// The local address from which the server is reached.
async fn local_address(host: &str) -> Result<SocketAddr, Failure> {
    Ok(SocketAddr::new(TcpStream::connect(host).await?.local_addr()?.ip(), 0))
}

async fn start(arguments: &Arguments) -> Result<Viewer, Failure> {
    let mut media = MediaEngine::default();
    media.register_codec(codec("VP8", 96, ""), RtpCodecKind::Video)?;
    let h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    media.register_codec(codec("H264", 102, h264), RtpCodecKind::Video)?;
    let registry = register_default_interceptors(Registry::new(), &mut media)?;
    let (gathered, mut all_gathered) = watch::channel(false);
    let (tracks, mut new_tracks) = mpsc::channel(1);
    let settings = SettingEngineBuilder::new()
        .with_include_loopback_candidate(true)
        .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
        .build();
    let connection = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .with_handler(Arc::new(Handler { gathered, tracks }))
        .with_udp_addrs(vec![local_address(&arguments.host).await?])
        .build()
        .await?;
    let connection: Arc<dyn PeerConnection> = Arc::new(connection);
    let began = Instant::now();
    let direction = RTCRtpTransceiverDirection::Recvonly;
    let init = RTCRtpTransceiverInit { direction, streams: vec![], send_encodings: vec![] };
    connection.add_transceiver_from_kind(RtpCodecKind::Video, Some(init)).await?;
    let offer = connection.create_offer(None).await?;
    connection.set_local_description(offer).await?;
    all_gathered.wait_for(|done| *done).await?;
    let offer = connection.local_description().await.ok_or("no local description")?;
    let (head, answer) = request(arguments, "POST", &arguments.path, &offer.sdp).await?;
    let location = field(&head, "location").ok_or_else(|| format!("no Location: {head}"))?;
    // Absolute or not: only the path is of interest.
    let path = location.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let resource = path.unwrap_or(location).to_owned();
    connection.set_remote_description(RTCSessionDescription::answer(answer)?).await?;
    let counts = Arc::new(Counts::default());
    let first_frame = tokio::time::timeout(FIRST_FRAME_WITHIN, async {
        let track = new_tracks.recv().await.ok_or("the connection closed")?;
        while let Some(event) = track.poll().await {
            if count(&counts, &event) {
                break;
            }
        }
        let took = began.elapsed();
        let counting = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                count(&counting, &event);
            }
        });
        Ok::<_, Failure>(took)
    })
    .await??;
    Ok(Viewer { connection, resource, counts, first_frame })
}

/// Counts a packet; true at the end of a frame.
fn count(counts: &Counts, event: &TrackRemoteEvent) -> bool {
    let TrackRemoteEvent::OnRtpPacket(packet) = event else { return false };
    counts.packets.fetch_add(1, Ordering::Relaxed);
    counts.bytes.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
    counts.frames.fetch_add(u64::from(packet.header.marker), Ordering::Relaxed);
    packet.header.marker
}

/// A header field of an HTTP answer.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// One HTTP request; head and body of the answer.
async fn request(
    arguments: &Arguments,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(String, String), Failure> {
    let host = &arguments.host;
    let mut stream = TcpStream::connect(host).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= field(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
        {
            if !head.starts_with("HTTP/1.1 2") {
                return Err(format!("{method} {path}: {head}\n{body}").into());
            }
            return Ok((head.to_owned(), body.to_owned()));
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(
                format!("{method} {path}: the connection closed after {} octets", answer.len()).into()
            );
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let mut viewers = Vec::new();
    for number in 0..arguments.viewers {
        let viewer = start(&arguments).await.map_err(|error| format!("viewer {number}: {error}"))?;
        viewers.push(viewer);
    }
    let began = Instant::now();
    let before: u64 = viewers.iter().map(|viewer| viewer.counts.bytes.load(Ordering::Relaxed)).sum();
    let interrupted = async {
        // Without a handler SIGINT would end the process before it has told anything.
        let _ = tokio::signal::ctrl_c().await;
    };
    let elapsed = async {
        match arguments.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! { () = interrupted => {}, () = elapsed => {} }
    let seconds = began.elapsed().as_secs_f64();
    let bytes: u64 = viewers.iter().map(|viewer| viewer.counts.bytes.load(Ordering::Relaxed)).sum();
    let frames: u64 = viewers.iter().map(|viewer| viewer.counts.frames.load(Ordering::Relaxed)).sum();
    for viewer in &viewers {
        // Whatever is left of the daemon: the count is what matters here.
        let _ = request(&arguments, "DELETE", &viewer.resource, "").await;
        let _ = viewer.connection.close().await;
    }
    let mut first: Vec<f64> =
        viewers.iter().map(|viewer| viewer.first_frame.as_secs_f64() * 1000.0).collect();
    first.sort_by(f64::total_cmp);
    println!(
        "{} viewers: {frames} frames, {:.0} kbit/s each, first frame {:.0} ms (median)",
        viewers.len(),
        (bytes - before) as f64 * 8.0 / 1000.0 / seconds / viewers.len().max(1) as f64,
        first.get(first.len() / 2).copied().unwrap_or(0.0),
    );
    Ok(())
}
