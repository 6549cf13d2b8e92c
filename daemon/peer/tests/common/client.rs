//! A viewer or sender made of the same crate.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use icescope_model::signal::{Answer, LocalCandidates};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Result;
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceCandidateInit, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionState,
    RTCSessionDescription, Registry, SettingEngineBuilder, register_default_interceptors,
};
use webrtc::runtime::TokioRuntime;

use super::PATIENCE;
use super::mutable::Mutable;

/// One received RTP packet.
pub type Received = rtc::rtp::Packet;

struct Handler {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    ice: watch::Sender<Vec<RTCIceConnectionState>>,
    tracks: mpsc::Sender<Arc<dyn TrackRemote>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        self.ice.send_modify(|states| states.push(state));
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.tracks.try_send(track);
    }
}

pub struct Client {
    pub connection: Arc<dyn PeerConnection>,
    gathered: watch::Receiver<bool>,
    pub state: watch::Receiver<RTCPeerConnectionState>,
    ice: watch::Receiver<Vec<RTCIceConnectionState>>,
    silent: Arc<AtomicBool>,
    /// A DTLS alert has come.
    pub alert: watch::Receiver<bool>,
    tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    track: Option<Arc<dyn TrackRemote>>,
    ssrc: u32,
    pub sending: Option<Arc<dyn TrackLocal>>,
}

pub fn codec(name: &str, payload_type: u8, fmtp: &str) -> RTCRtpCodecParameters {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback { typ: typ.into(), parameter: parameter.into() };
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: format!("video/{name}"),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: fmtp.into(),
            rtcp_feedback: vec![
                feedback("nack", ""),
                feedback("nack", "pli"),
                feedback("ccm", "fir"),
                feedback("goog-remb", ""),
            ],
        },
        payload_type,
    }
}

pub const SENDING_SSRC: u32 = 0x1234_5678;

impl Client {
    /// A viewer that accepts VP8.
    pub async fn viewer() -> Self {
        Self::new(&[codec("VP8", 96, "")], false).await.unwrap()
    }

    /// A viewer that accepts VP8 and has TCP only: it connects to the daemon's passive candidates.
    pub async fn over_tcp() -> Self {
        Self::on(&[codec("VP8", 96, "")], false, (vec![], vec!["127.0.0.1:0"])).await.unwrap()
    }

    /// A viewer or sender of these codecs.
    pub async fn new(codecs: &[RTCRtpCodecParameters], sends: bool) -> Result<Self> {
        Self::on(codecs, sends, (vec!["127.0.0.1:0"], vec![])).await
    }

    async fn on(
        codecs: &[RTCRtpCodecParameters],
        sends: bool,
        (udp, tcp): (Vec<&'static str>, Vec<&'static str>),
    ) -> Result<Self> {
        let mut media = MediaEngine::default();
        for codec in codecs {
            media.register_codec(codec.clone(), RtpCodecKind::Video)?;
        }
        let registry = register_default_interceptors(Registry::new(), &mut media)?;
        let (gathered, gathered_rx) = watch::channel(false);
        let (state, state_rx) = watch::channel(RTCPeerConnectionState::New);
        let (ice, ice_rx) = watch::channel(Vec::new());
        let silent = Arc::new(AtomicBool::new(false));
        let (alert, alert_rx) = watch::channel(false);
        let (tracks, tracks_rx) = mpsc::channel(4);
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            // An offering end of the crate waits 2 s for something better than a relay; browsers do not.
            .with_relay_acceptance_min_wait(Some(Duration::ZERO))
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_setting_engine(settings)
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Handler { gathered, state, ice, tracks }))
            .with_runtime(Arc::new(Mutable { runtime: TokioRuntime, silent: Arc::clone(&silent), alert }))
            .with_udp_addrs(udp)
            .with_tcp_addrs(tcp)
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let mut sending = None;
        if sends {
            let encoding = RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(SENDING_SSRC),
                    ..Default::default()
                },
                codec: codecs[0].rtp_codec.clone(),
                ..Default::default()
            };
            let track = MediaStreamTrack::new(
                "s".into(),
                "t".into(),
                "l".into(),
                RtpCodecKind::Video,
                vec![encoding],
            );
            let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(track));
            connection.add_track(Arc::clone(&track)).await?;
            sending = Some(track);
        } else {
            let direction = RTCRtpTransceiverDirection::Recvonly;
            let init = RTCRtpTransceiverInit { direction, streams: vec![], send_encodings: vec![] };
            connection.add_transceiver_from_kind(RtpCodecKind::Video, Some(init)).await?;
        }
        Ok(Self {
            connection,
            gathered: gathered_rx,
            state: state_rx,
            ice: ice_rx,
            silent,
            alert: alert_rx,
            tracks: tracks_rx,
            track: None,
            ssrc: 0,
            sending,
        })
    }

    /// An offer with all candidates.
    pub async fn offer(&mut self) -> String {
        let offer = self.connection.create_offer(None).await.unwrap();
        self.connection.set_local_description(offer).await.unwrap();
        self.gathered.wait_for(|done| *done).await.unwrap();
        self.connection.local_description().await.unwrap().sdp
    }

    pub async fn accept(&self, answer: &Answer) {
        let answer = RTCSessionDescription::answer(answer.sdp.clone()).unwrap();
        self.connection.set_remote_description(answer).await.unwrap();
    }

    /// Renews ICE: its new user name fragment, password and candidates.
    pub async fn restart(&mut self) -> (String, String, Vec<String>) {
        let options = RTCOfferOptions { ice_restart: true };
        let offer = self.connection.create_offer(Some(options)).await.unwrap();
        self.connection.set_local_description(offer).await.unwrap();
        let sdp = self.connection.local_description().await.unwrap().sdp;
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let candidates = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=").filter(|text| text.starts_with("candidate:")));
        (value("a=ice-ufrag:"), value("a=ice-pwd:"), candidates.map(str::to_owned).collect())
    }

    /// The answer to a restart, made of the first answer and the daemon's new credentials and candidates.
    pub async fn accept_restart(&self, answer: &str, local: &LocalCandidates) {
        let lines = answer.lines().filter(|line| !line.contains("candidate")).map(|line| match line {
            _ if line.starts_with("a=ice-ufrag:") => format!("a=ice-ufrag:{}", local.ufrag),
            _ if line.starts_with("a=ice-pwd:") => format!("a=ice-pwd:{}", local.pwd),
            _ => line.to_owned(),
        });
        let candidates = local.candidates.iter().map(|candidate| format!("a={candidate}"));
        let sdp = lines.chain(candidates).collect::<Vec<_>>().join("\r\n") + "\r\n";
        let answer = RTCSessionDescription::answer(sdp).unwrap();
        self.connection.set_remote_description(answer).await.unwrap();
    }

    /// Waits until ICE is up again after a restart.
    pub async fn checked_again(&self) {
        let mut ice = self.ice.clone();
        let wait = ice.wait_for(|states| {
            states.iter().filter(|state| **state == RTCIceConnectionState::Connected).count() > 1
        });
        tokio::time::timeout(PATIENCE, wait).await.expect("ICE comes up again").unwrap();
    }

    /// Falls silent without a word.
    pub fn vanish(&self) {
        self.silent.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    pub async fn add_candidate(&self, candidate: &str) {
        let init = RTCIceCandidateInit {
            candidate: candidate.into(),
            sdp_mid: Some("0".into()),
            ..Default::default()
        };
        self.connection.add_ice_candidate(init).await.unwrap();
    }

    pub async fn connected(&mut self) {
        let wait = self.state.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        tokio::time::timeout(PATIENCE, wait).await.expect("the client connects").unwrap();
    }

    /// The next RTP packet.
    pub async fn packet(&mut self) -> Received {
        self.packet_within(PATIENCE).await.expect("a packet arrives")
    }

    /// The next RTP packet, if one comes in time.
    pub async fn packet_within(&mut self, limit: Duration) -> Option<Received> {
        let wait = async {
            if self.track.is_none() {
                self.track = self.tracks.recv().await;
            }
            let track = self.track.as_ref()?;
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    self.ssrc = packet.header.ssrc;
                    return Some(packet);
                }
            }
            None
        };
        tokio::time::timeout(limit, wait).await.ok().flatten()
    }

    /// The packets of the next frame.
    pub async fn frame(&mut self) -> Vec<Received> {
        let mut packets = vec![self.packet().await];
        while !packets.last().unwrap().header.marker {
            packets.push(self.packet().await);
        }
        packets
    }

    /// The SSRC of the last packet.
    pub fn packet_ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Asks for a key frame.
    pub async fn pli(&self, media_ssrc: u32) {
        let pli = PictureLossIndication { sender_ssrc: 1, media_ssrc };
        self.track.as_ref().unwrap().write_rtcp(vec![Box::new(pli)]).await.unwrap();
    }
}

/// Last octet of a frame: the mark that the source gave it.
pub fn mark(frame: &[Received]) -> u8 {
    *frame.last().unwrap().payload.last().unwrap()
}
