//! The crate's settings: one codec, the interceptors that are needed and no others, times that suit a fast start.

use std::sync::Arc;
use std::time::Duration;

use rtc::crypto::{RTCCryptoProvider, SignatureScheme};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{
    NackResponderBuilder, ReceiverReportBuilder, SenderReportBuilder, TwccReceiverBuilder,
};
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::interceptor_registry::{Slot, configure_twcc_receiver_only};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use webrtc::error::Result;
use webrtc::peer_connection::{
    MediaEngine, RTCConfiguration, RTCConfigurationBuilder, RTCIceServer, RTCIceTransportPolicy, Registry,
    SettingEngineBuilder,
};

use crate::media::feed::Feed;
use crate::media::packetiser::Codec;
use crate::negotiate::{Offered, SEND_TIME};
use crate::options::{Options, Policy};
use crate::stage::Staged;
use crate::uplink::meter::Meter;

/// How often the agent repeats its checks while connecting. The crate's default of 200 ms is meant for links where a check
/// takes that long; RFC 8445 §14.3 wants at least 500 ms between retransmissions of one check, which its count of pairs
/// multiplies. 50 ms is what libwebrtc does at first.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Checks of one pair before it is given up: with [`CHECK_INTERVAL`] 45 s, longer than the wait of RFC 8863. Most of them never
/// leave: the tap has a slower pace after the first seconds.
const CHECKS: u16 = 900;

/// Retransmittable packets per viewer: about 2 s at 1 Mbit/s. They share their payloads with all other viewers.
const RESENDABLE: u16 = 256;

/// Where the feed and the meter stand in the chain: next to the application.
const NEXT_TO_APPLICATION: usize = 20_000;

/// What all connections share, made once.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
    certificate: RTCCertificate,
}

impl Credentials {
    /// A key and self-signed certificate for DTLS (ECDSA P-256, as browsers make them): new for each run of the daemon.
    pub(crate) fn generate() -> Result<Self> {
        let provider = rtc::crypto::default_provider()
            .map_err(|error| webrtc::error::Error::Crypto(error.to_string()))?;
        let params = CertificateParams::new(vec!["icescope".to_owned()])
            .map_err(|error| webrtc::error::Error::Crypto(error.to_string()))?;
        let certificate =
            RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, params)?;
        Ok(Self { provider, certificate })
    }

    /// The configuration of a connection.
    pub(crate) fn configuration(&self, options: &Options, servers: Vec<RTCIceServer>) -> RTCConfiguration {
        with_servers(options, servers).with_certificates(vec![self.certificate.clone()]).build()
    }

    /// The settings of a connection.
    pub(crate) fn settings(&self, options: &Options, mdns: MulticastDnsMode) -> SettingEngineBuilder {
        SettingEngineBuilder::new()
            .with_crypto_provider(Arc::clone(&self.provider))
            // As DTLS client the first ClientHello would be made before ICE is up, and lost.
            .with_answering_dtls_role(RTCDtlsRole::Server)
            .with_ice_timeouts(
                Some(options.disconnected),
                Some(patience(options).saturating_sub(options.disconnected).max(Duration::from_secs(1))),
                Some(Duration::from_secs(2)),
            )
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
            .with_multicast_dns_mode(mdns)
            .with_include_loopback_candidate(options.allow_loopback)
    }
}

/// So long the agent itself waits for a first answer or, later, for a next word: longer than the session's own limits, which the
/// watchdog holds. It has one limit for both, and what it once called failed never comes up again.
fn patience(options: &Options) -> Duration {
    options.vanished.max(options.connect_timeout) + Duration::from_secs(5)
}

/// The configuration that renews a connection's servers. Without the certificate: that cannot be changed.
pub(crate) fn renewed(options: &Options, servers: Vec<RTCIceServer>) -> RTCConfiguration {
    with_servers(options, servers).build()
}

fn with_servers(options: &Options, servers: Vec<RTCIceServer>) -> RTCConfigurationBuilder {
    RTCConfigurationBuilder::new().with_ice_servers(servers).with_ice_transport_policy(match options.policy {
        Policy::All => RTCIceTransportPolicy::All,
        Policy::Relay => RTCIceTransportPolicy::Relay,
    })
}

/// The one codec of a connection, with the payload type and parameters that the client gave it.
pub(crate) fn codec_parameters(codec: Codec, offered: &Offered) -> RTCRtpCodecParameters {
    let mime_type = match codec {
        Codec::Vp8 => "video/VP8",
        Codec::H264 => "video/H264",
    };
    let feedback = [("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", "")];
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: offered.fmtp.clone(),
            rtcp_feedback: feedback
                .map(|(typ, parameter)| RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() })
                .to_vec(),
        },
        payload_type: offered.payload_type,
    }
}

/// Codec and interceptors of a session that plays: retransmission, sender reports, and the feed.
pub(crate) fn playing(codec: &RTCRtpCodecParameters, feed: Staged<Feed>) -> Result<(MediaEngine, Registry)> {
    let mut media = MediaEngine::default();
    media.register_codec(codec.clone(), RtpCodecKind::Video)?;
    let send_time = RTCRtpHeaderExtensionCapability { uri: SEND_TIME.to_owned() };
    media.register_header_extension(send_time, RtpCodecKind::Video, None)?;
    let registry = Registry::new()
        .with(Slot::NackResponder, NackResponderBuilder::new().with_size(RESENDABLE).build())
        .with(Slot::SenderReport, SenderReportBuilder::new().build())
        .with(Slot::from(NEXT_TO_APPLICATION), feed);
    Ok((media, registry))
}

/// Codecs and interceptors of a session that is measured: reports and transport-wide feedback, so that the browser raises its
/// bit rate, and the meter. No retransmission: what is lost is to be seen.
pub(crate) fn measuring(
    codecs: &[RTCRtpCodecParameters],
    meter: Staged<Meter>,
) -> Result<(MediaEngine, Registry)> {
    let mut media = MediaEngine::default();
    for codec in codecs {
        media.register_codec(codec.clone(), RtpCodecKind::Video)?;
    }
    let registry = configure_twcc_receiver_only(Registry::new(), &mut media)?
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
        .with(Slot::from(NEXT_TO_APPLICATION), meter);
    Ok((media, registry))
}
