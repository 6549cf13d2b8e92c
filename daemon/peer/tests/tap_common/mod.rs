//! Two ends of the crate back to back over loopback, each with a wiretap.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::large_futures, reason = "tests and nothing else")]

pub mod check;
#[path = "../common/coturn.rs"]
pub mod coturn;
pub mod turn;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::sink::EventSource;
use icescope_model::{EventSink, Observation, SessionId};
use icescope_peer::tap::shared_port::SharedPort;
use icescope_peer::tap::shared_tcp::SharedTcpPort;
use icescope_peer::tap::{Tap, TapOptions};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{Registry, register_default_interceptors};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_VP8, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::configuration::{RTCConfiguration, RTCConfigurationBuilder};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::watch;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState, RTCSessionDescription,
};

/// Longer than anything here takes, unless it never happens.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something, and says what for if it does not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

/// What a handler was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct States {
    pub gathering: RTCIceGatheringState,
    pub connection: RTCPeerConnectionState,
}

struct Handler(watch::Sender<States>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.0.send_modify(|states| states.gathering = state);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.0.send_modify(|states| states.connection = state);
    }
}

/// How an [`End`] is made.
#[derive(Clone)]
pub struct Plan {
    pub ufrag: &'static str,
    pub shared: Option<Arc<SharedPort>>,
    pub shared_tcp: Option<Arc<SharedTcpPort>>,
    pub hold_nomination: bool,
    pub configuration: RTCConfiguration,
    pub stun_servers: Vec<SocketAddr>,
    pub turn_servers: Vec<SocketAddr>,
    pub udp: Vec<String>,
    pub tcp: Vec<String>,
}

/// The password of every end.
pub const PASSWORD: &str = "passwordpasswordpassword";

impl Plan {
    pub fn new(ufrag: &'static str) -> Self {
        Self {
            ufrag,
            shared: None,
            shared_tcp: None,
            hold_nomination: true,
            configuration: RTCConfigurationBuilder::new().build(),
            stun_servers: Vec::new(),
            turn_servers: Vec::new(),
            udp: vec!["127.0.0.1:0".to_owned()],
            tcp: Vec::new(),
        }
    }
}

/// One end: a peer connection, its tap, and what the tap recorded.
pub struct End {
    pub connection: Box<dyn PeerConnection>,
    pub tap: Arc<Tap>,
    pub states: watch::Receiver<States>,
    source: EventSource,
    pub seen: Vec<Observation>,
}

impl End {
    pub async fn new(plan: Plan) -> Self {
        Box::pin(Self::build(plan)).await
    }

    async fn build(plan: Plan) -> Self {
        let (sink, source) = EventSink::new(10_000);
        let tap = Tap::new(TapOptions {
            session: SessionId::random(),
            sink,
            stun_servers: plan.stun_servers,
            turn_servers: plan.turn_servers,
            shared: plan.shared,
            local_ufrag: plan.ufrag.to_owned(),
            hold_nomination: plan.hold_nomination,
        });
        if let Some(shared) = plan.shared_tcp {
            tap.share_tcp(shared);
        }
        let settings = SettingEngineBuilder::new()
            .with_ice_credentials(plan.ufrag.to_owned(), PASSWORD.to_owned())
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_include_loopback_candidate(true)
            // As the daemon does: as a client the crate loses its first ClientHello.
            .with_answering_dtls_role(RTCDtlsRole::Server)
            // An offering end of the crate waits 2 s for something better than a relay; browsers do not.
            .with_relay_acceptance_min_wait(Some(Duration::ZERO))
            .build();
        let (told, states) = watch::channel(States {
            gathering: RTCIceGatheringState::New,
            connection: RTCPeerConnectionState::New,
        });
        let mut media = MediaEngine::default();
        media.register_default_codecs().unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut media).unwrap();
        let connection = PeerConnectionBuilder::new()
            .with_configuration(plan.configuration)
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .with_runtime(Arc::clone(&tap) as _)
            .with_handler(Arc::new(Handler(told)))
            .with_udp_addrs(plan.udp)
            .with_tcp_addrs(plan.tcp)
            .build()
            .await
            .unwrap();
        Self { connection: Box::new(connection), tap, states, source, seen: Vec::new() }
    }

    pub async fn reach(&mut self, what: &str, state: impl Fn(&States) -> bool) {
        soon(what, self.states.wait_for(state)).await.unwrap();
    }

    pub async fn connected(&mut self) {
        self.reach("the connection", |states| states.connection == RTCPeerConnectionState::Connected).await;
    }

    /// Adds a VP8 track that this end sends.
    pub async fn sends(&self, ssrc: u32) -> Arc<TrackLocalStaticRTP> {
        let codec =
            RTCRtpCodec { mime_type: MIME_TYPE_VP8.to_owned(), clock_rate: 90_000, ..RTCRtpCodec::default() };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..RTCRtpCodingParameters::default()
            },
            codec,
            ..RTCRtpEncodingParameters::default()
        };
        let [stream, track, label] = ["stream", "track", "label"].map(str::to_owned);
        let track = MediaStreamTrack::new(stream, track, label, RtpCodecKind::Video, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        self.connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await.unwrap();
        track
    }

    /// The local description once all candidates are in it.
    pub async fn described(&mut self) -> RTCSessionDescription {
        self.reach("gathering", |states| states.gathering == RTCIceGatheringState::Complete).await;
        self.connection.local_description().await.unwrap()
    }

    /// All that was recorded so far.
    pub fn events(&mut self) -> &[Observation] {
        while let Some(observation) = self.source.try_next() {
            self.seen.push(observation);
        }
        &self.seen
    }

    /// Waits until the record has what is wanted.
    pub async fn recorded(&mut self, what: &str, wanted: impl Fn(&[Observation]) -> bool) {
        self.events();
        soon(what, async {
            while !wanted(&self.seen) {
                self.seen.push(self.source.next().await.unwrap());
            }
        })
        .await;
    }
}

/// Rewrites an SDP on its way to the other end.
pub type Rewrite<'a> = &'a (dyn Fn(String) -> String + Send + Sync);

fn as_it_is(sdp: String) -> String {
    sdp
}

/// Connects an offering and an answering end by a data channel (and what was added before).
pub async fn connect(offering: &mut End, answering: &mut End) -> Arc<dyn DataChannel> {
    connect_rewritten(offering, answering, &as_it_is).await
}

/// The same with the answer rewritten.
pub async fn connect_rewritten(
    offering: &mut End,
    answering: &mut End,
    rewrite_answer: Rewrite<'_>,
) -> Arc<dyn DataChannel> {
    let channel = offering.connection.create_data_channel("test", None).await.unwrap();
    let offer = offering.connection.create_offer(None).await.unwrap();
    offering.connection.set_local_description(offer).await.unwrap();
    let offer = offering.described().await;
    answering.connection.set_remote_description(offer).await.unwrap();
    let answer = answering.connection.create_answer(None).await.unwrap();
    answering.connection.set_local_description(answer).await.unwrap();
    let answer = answering.described().await;
    let answer = RTCSessionDescription::answer(rewrite_answer(answer.sdp)).unwrap();
    offering.connection.set_remote_description(answer).await.unwrap();
    answering.tap.kick();
    offering.tap.kick();
    offering.connected().await;
    answering.connected().await;
    channel
}

/// A fact of an observation as text.
pub fn fact(observation: &Observation, key: &str) -> String {
    match observation.attributes.get(key) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// The STUN messages of a direction, as (transaction id, class, method), sorted.
pub fn transactions(events: &[Observation], direction: &str) -> Vec<(String, String, String)> {
    let mut found: Vec<_> = events
        .iter()
        .filter(|event| {
            event.attributes.contains_key("transactionId") && fact(event, "direction") == direction
        })
        .map(|event| (fact(event, "transactionId"), fact(event, "class"), fact(event, "method")))
        .collect();
    found.sort();
    found
}

/// How many events of a kind there are.
pub fn count(events: &[Observation], kind: &str) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}
