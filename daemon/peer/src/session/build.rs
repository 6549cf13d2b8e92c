//! From an offer to an answer and a running session.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use icescope_model::SessionId;
use icescope_model::signal::{
    Answer, CloseReason, Direction, LocalCandidates, Offer, PeerState, SignalError,
};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, RTCConfiguration, RTCSessionDescription, Registry,
};

use super::engine;
use super::handler::{Handler, States};
use super::ice_servers::IceServers;
use super::report::Report;
use super::sdp;
use super::trickle::Pace;
use super::wire::Wire;
use super::{Media, Negotiation, Session, Told};
use crate::media::feed::{Feed, Origin};
use crate::media::viewer::Viewer;
use crate::negotiate::{self, OfferFacts};
use crate::options::{Mdns, Options, Policy};
use crate::peer::Inner;
use crate::stage::{Farewell, Staged};
use crate::uplink::meter::Meter;

/// Host candidates are there as soon as the driver has turned once; this is for a busy machine.
const HOSTS_WITHIN: Duration = Duration::from_millis(50);

/// What a session's task needs beside the session.
pub(crate) struct Ends {
    pub(crate) states: watch::Receiver<States>,
    pub(crate) ending: mpsc::Receiver<CloseReason>,
}

/// Media side of a session, before there is a connection.
struct Prepared {
    media: Media,
    engine: MediaEngine,
    registry: Registry,
    track: Option<Arc<dyn TrackLocal>>,
    farewell: Farewell,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Only a session that came about keeps its place in the stream; `answer` takes `track` when it did.
        if let (Media::Play { viewer, .. }, Some(_)) = (&self.media, &self.track) {
            viewer.stream().leave(viewer.session);
        }
    }
}

fn internal(what: &str) -> impl Fn(webrtc::error::Error) -> SignalError + '_ {
    move |error| SignalError::Internal(format!("{what}: {error}"))
}

/// A description that the crate refuses is the client's fault as far as anyone can tell.
#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn refused(error: webrtc::error::Error) -> SignalError {
    SignalError::BadOffer(error.to_string())
}

/// Answers an offer.
pub(crate) async fn answer(
    inner: &Inner,
    id: SessionId,
    offer: Offer,
) -> Result<(Answer, Arc<Session>, Ends), SignalError> {
    let options = inner.options();
    let facts = OfferFacts::read(&offer.sdp)?;
    let report = Report { session: id, sink: inner.sink.clone() };
    let (ending, ended) = mpsc::channel(1);
    let mut prepared = prepare(inner, id, &offer.direction, &facts, &ending)?;
    let mut servers = IceServers::sort(&options, || inner.trust.config(&options.extra_roots));
    for (url, why) in &servers.skipped {
        report.skipped_server(url, why);
    }
    let for_crate = std::mem::take(&mut servers.for_crate);
    let wire = Wire::new(inner, id, &options, servers);
    if let Media::Play { viewer, .. } = &prepared.media {
        viewer.set_wake(wire.waker());
    }
    let told = Arc::new(Told {
        candidates: watch::Sender::new(LocalCandidates::default()),
        state: watch::Sender::new(PeerState::Connecting),
    });
    let states = watch::Sender::new(States::default());
    let changes = states.subscribe();
    let handler = Handler { told: Arc::clone(&told), report: report.clone(), states, wire: wire.clone() };
    let configuration = inner.credentials.configuration(&options, for_crate);
    let addresses: Vec<SocketAddr> = bind_addresses(inner, &options)?;
    let engines = (std::mem::take(&mut prepared.engine), std::mem::take(&mut prepared.registry));
    let opened = Opened::new(
        inner,
        Box::pin(connect(inner, &options, (configuration, &wire), handler, engines, &addresses)).await?,
    );
    let connection = &opened.connection;
    if let Some(track) = &prepared.track {
        // Not as a send-only transceiver: the crate would not match that with a client's `sendrecv`.
        connection.add_track(Arc::clone(track)).await.map_err(internal("add the track"))?;
    }
    let local = negotiate_answer(&**connection, &facts.sdp).await?;
    let (ufrag, pwd) = sdp::credentials(&local.sdp)
        .ok_or_else(|| SignalError::Internal("the answer has no credentials".into()))?;
    // Before anybody can know it: the first check may come as soon as the client has the answer.
    wire.add_local_ufrag(&ufrag);
    told.candidates.send_modify(|told| (told.ufrag, told.pwd) = (ufrag, pwd));
    let text = local.sdp.clone();
    connection.set_local_description(local).await.map_err(refused)?;
    let protocols = 1 + usize::from(inner.shared_tcp.is_some());
    let expected = if options.policy == Policy::Relay { 0 } else { addresses.len() * protocols };
    let session = Arc::new(Session {
        id,
        connection: Arc::clone(connection),
        wire,
        told,
        farewell: prepared.farewell.clone(),
        media: prepared.into_media(),
        negotiation: Mutex::new(Negotiation {
            remote_sdp: facts.sdp,
            remote_ufrag: facts.ufrag,
            mid: facts.mid,
            taken: 0,
            pace: Pace::new(Instant::now(), options.candidates_per_second),
        }),
        ending,
    });
    let local = gathered(&session.told, &options, offer.gather_for, expected).await;
    let sdp = sdp::with_candidates(&text, &local);
    let mut negotiation = session.negotiation.lock().await;
    session.take_candidates(&mut negotiation, &facts.candidates, &options, &report).await?;
    drop(negotiation);
    opened.keep();
    let answer = Answer { sdp, link: session.link() };
    Ok((answer, session, Ends { states: changes, ending: ended }))
}

/// A connection that is closed unless a session comes of it: dropping alone would leave its driver running for ever.
struct Opened {
    connection: Arc<dyn PeerConnection>,
    tasks: Option<TaskTracker>,
}

impl Opened {
    fn new(inner: &Inner, connection: Arc<dyn PeerConnection>) -> Self {
        Self { connection, tasks: Some(inner.tasks.clone()) }
    }

    /// A session came of it.
    fn keep(mut self) {
        self.tasks = None;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let Some(tasks) = self.tasks.take() else { return };
        let connection = Arc::clone(&self.connection);
        tasks.spawn(async move {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection whose offer was refused did not close cleanly");
            }
        });
    }
}

impl Prepared {
    /// The session came about.
    fn into_media(mut self) -> Media {
        self.track = None;
        std::mem::replace(&mut self.media, Media::Ingest(crate::uplink::meter::SharedMeter::default()))
    }
}

fn prepare(
    inner: &Inner,
    id: SessionId,
    direction: &Direction,
    facts: &OfferFacts,
    ending: &mpsc::Sender<CloseReason>,
) -> Result<Prepared, SignalError> {
    match direction {
        Direction::Play { source } => {
            if !facts.receives {
                return Err(SignalError::BadOffer(
                    "its video section does not receive (a=recvonly or a=sendrecv)".into(),
                ));
            }
            prepare_play(inner, id, source.as_deref(), facts, ending)
        }
        Direction::Ingest => {
            if !facts.sends {
                return Err(SignalError::BadOffer(
                    "its video section does not send (a=sendonly or a=sendrecv)".into(),
                ));
            }
            let codecs = negotiate::measurable(&facts.video)?;
            let codecs: Vec<_> =
                codecs.iter().map(|(codec, offered)| engine::codec_parameters(*codec, offered)).collect();
            let (meter, shared) = Meter::new(id, inner.sink.clone());
            let farewell = Farewell::default();
            let meter = Staged::new(meter, farewell.clone());
            let (engine, registry) = engine::measuring(&codecs, meter).map_err(internal("set up codecs"))?;
            Ok(Prepared { media: Media::Ingest(shared), engine, registry, track: None, farewell })
        }
    }
}

fn prepare_play(
    inner: &Inner,
    id: SessionId,
    source: Option<&str>,
    facts: &OfferFacts,
    ending: &mpsc::Sender<CloseReason>,
) -> Result<Prepared, SignalError> {
    let sources = inner.hub.sources();
    let name = source.map_or_else(|| sources.default_source(), str::to_owned);
    let formats = sources.formats(&name)?;
    let agreed = negotiate::choose(&formats, &facts.video)?;
    let stream = inner.hub.stream(&name, agreed.index, &formats[agreed.index], agreed.codec)?;
    let parameters = engine::codec_parameters(agreed.codec, &agreed.offered);
    let ssrc = random_u32() | 1;
    let viewer = Viewer::new(
        id,
        inner.sink.clone(),
        (ssrc, agreed.offered.payload_type),
        Arc::clone(&stream),
        ending.clone(),
    );
    let viewer = Arc::new(viewer);
    let origin = Origin {
        sequence: random_u32() as u16 >> 1,
        timestamp: random_u32(),
        picture_id: random_u32() as u16,
    };
    let farewell = Farewell::default();
    let feed = Staged::new(Feed::new(Arc::clone(&viewer), origin, facts.send_time), farewell.clone());
    let (engine, registry) = engine::playing(&parameters, feed).map_err(internal("set up codecs"))?;
    let track = track(id, &name, ssrc, &parameters);
    let media = Media::Play { viewer: Arc::clone(&viewer), agreed, follows_default: source.is_none() };
    let prepared = Prepared { media, engine, registry, track: Some(track), farewell };
    // Joined before the connection is built: a key frame that is needed is made meanwhile.
    stream.join(&viewer);
    Ok(prepared)
}

fn track(id: SessionId, source: &str, ssrc: u32, codec: &RTCRtpCodecParameters) -> Arc<dyn TrackLocal> {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: codec.rtp_codec.clone(),
        ..RTCRtpEncodingParameters::default()
    };
    // The source's name is for people; in SDP it is an identifier (RFC 8830 §2).
    let name: String = source.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let (stream, track) = (format!("icescope-{name}"), format!("video-{id}"));
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
        stream,
        track,
        name,
        RtpCodecKind::Video,
        vec![encoding],
    )))
}

fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    // SSRC and start values are to be unlikely to collide, not secret (RFC 3550 §8): the address of a failure would do too.
    if getrandom::fill(&mut bytes).is_err() {
        return std::process::id();
    }
    u32::from_ne_bytes(bytes)
}

fn bind_addresses(inner: &Inner, options: &Options) -> Result<Vec<SocketAddr>, SignalError> {
    let addresses = inner.addresses.list(options);
    if addresses.is_empty() {
        return Err(SignalError::Internal(
            "no usable network address: check that an interface is up and that interfaces and families allow it".to_owned(),
        ));
    }
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
}

async fn connect(
    inner: &Inner,
    options: &Options,
    (configuration, wire): (RTCConfiguration, &Wire),
    handler: Handler,
    (engine, registry): (MediaEngine, Registry),
    addresses: &[SocketAddr],
) -> Result<Arc<dyn PeerConnection>, SignalError> {
    // The tap puts the shared port in the place of these listeners.
    let tcp = if inner.shared_tcp.is_some() { addresses.to_vec() } else { vec![] };
    let builder = PeerConnectionBuilder::new()
        .with_configuration(configuration)
        .with_setting_engine(inner.credentials.settings(options, mdns_mode(options.mdns)).build())
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .with_runtime(wire.runtime())
        .with_handler(Arc::new(handler))
        .with_udp_addrs(addresses.to_vec())
        .with_tcp_addrs(tcp);
    let connection = Box::pin(builder.build()).await.map_err(internal("open the connection"))?;
    Ok(Arc::new(connection))
}

async fn negotiate_answer(
    connection: &dyn PeerConnection,
    offer: &str,
) -> Result<RTCSessionDescription, SignalError> {
    let offer = RTCSessionDescription::offer(offer.to_owned()).map_err(refused)?;
    connection.set_remote_description(offer).await.map_err(refused)?;
    connection.create_answer(None).await.map_err(refused)
}

/// The mDNS mode. The crate's own default makes the connection fail where no route to the group exists.
fn mdns_mode(mdns: Mdns) -> MulticastDnsMode {
    const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
    // Connecting a datagram socket only looks up the route; nothing is sent.
    let routed =
        || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(GROUP)).is_ok();
    if mdns == Mdns::Auto && routed() { MulticastDnsMode::QueryOnly } else { MulticastDnsMode::Disabled }
}

/// Waits for candidates: for the `hosts` only, or, if the client cannot be told later ones, for all within `gather_for`.
pub(crate) async fn gathered(
    told: &Told,
    options: &Options,
    gather_for: Duration,
    hosts: usize,
) -> LocalCandidates {
    let mut candidates = told.candidates.subscribe();
    let whole = !gather_for.is_zero();
    let limit = if whole { gather_for.min(options.gather_timeout) } else { HOSTS_WITHIN };
    // Elapsed or not: what is there then goes into the answer.
    let _ = timeout(
        limit,
        candidates.wait_for(|told| told.complete || (!whole && told.candidates.len() >= hosts)),
    )
    .await;
    candidates.borrow().clone()
}
