//! ICE restart (RFC 8445 §9): new credentials, a new generation of candidates, the same media.

use icescope_model::signal::{LocalCandidates, SignalError};
use webrtc::peer_connection::RTCSessionDescription;

use super::ice_servers::IceServers;
use super::report::Report;
use super::{Negotiation, Session, build, engine, sdp};
use crate::options::Options;
use crate::peer::Inner;
use crate::session::trickle::Pace;

/// Shortest user name fragment and password (RFC 8839 §5.4), and the longest that is taken.
const UFRAG: std::ops::RangeInclusive<usize> = 4..=256;
const PWD: std::ops::RangeInclusive<usize> = 22..=256;

/// Whether a text is made of ICE characters and long enough (RFC 8839 §5.4).
fn is_ice_text(text: &str, length: &std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

/// A description with other ICE credentials, and no longer a new session's.
fn with_credentials(sdp: &str, ufrag: &str, pwd: &str) -> String {
    let mut text = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        match line {
            _ if line.starts_with("a=ice-ufrag:") => text.extend(["a=ice-ufrag:", ufrag]),
            _ if line.starts_with("a=ice-pwd:") => text.extend(["a=ice-pwd:", pwd]),
            _ => text.push_str(line),
        }
        text.push_str("\r\n");
    }
    text
}

impl Session {
    /// Lets the crate ask for allocations again, with the credentials of now, if the streams to its TURN servers broke. Only
    /// for the servers that the session was made with, for the wiretap knows no others; and not while an allocation lives:
    /// the crate would refresh that with the new user name, which is an error (441, RFC 8656 §5).
    async fn renew_relays(&self, inner: &Inner, options: &Options) {
        if !self.wire.has_lost_its_relays() || self.wire.made_with != IceServers::identity(options) {
            return;
        }
        let servers = IceServers::sort(options, || inner.trust.config(&options.extra_roots));
        let configuration = engine::renewed(options, servers.for_crate);
        if let Err(error) = self.connection.set_configuration(configuration).await {
            tracing::warn!(session = %self.id, %error, "no allocations are asked for again");
        }
    }

    /// Renews ICE with the client's new credentials; gives the daemon's own new ones.
    pub(crate) async fn restart(
        &self,
        inner: &Inner,
        negotiation: &mut Negotiation,
        (ufrag, pwd): (&str, &str),
        options: &Options,
        report: &Report,
    ) -> Result<LocalCandidates, SignalError> {
        if !is_ice_text(ufrag, &UFRAG) || !is_ice_text(pwd, &PWD) {
            return Err(SignalError::BadCandidate(
                "ufrag or pwd is not made of 4 and 22 or more ICE characters (RFC 8839 §5.4)".to_owned(),
            ));
        }
        let internal = |error: webrtc::error::Error| SignalError::Internal(format!("ICE restart: {error}"));
        self.renew_relays(inner, options).await;
        let remote = with_credentials(&negotiation.remote_sdp, ufrag, pwd);
        let offer = RTCSessionDescription::offer(remote.clone()).map_err(internal)?;
        self.connection.set_remote_description(offer).await.map_err(internal)?;
        let answer = self.connection.create_answer(None).await.map_err(internal)?;
        let (own_ufrag, own_pwd) = sdp::credentials(&answer.sdp)
            .ok_or_else(|| SignalError::Internal("ICE restart: the answer has no credentials".to_owned()))?;
        // Host candidates are those of the sockets that are kept: the crate tells them in the answer only.
        let candidates = sdp::own_candidates(&answer.sdp, &self.wire.addresses);
        let fresh = LocalCandidates {
            ufrag: own_ufrag.clone(),
            pwd: own_pwd,
            candidates,
            complete: options.ice_servers.is_empty(),
        };
        self.wire.add_local_ufrag(&own_ufrag);
        self.told.candidates.send_replace(fresh);
        self.connection.set_local_description(answer).await.map_err(internal)?;
        negotiation.remote_sdp = remote;
        ufrag.clone_into(&mut negotiation.remote_ufrag);
        negotiation.taken = 0;
        negotiation.pace = Pace::new(tokio::time::Instant::now(), options.candidates_per_second);
        report.send(
            report
                .note("ice.restart", "the client renewed ICE")
                .with("remoteUsernameFragment", ufrag)
                .with("localUsernameFragment", own_ufrag),
        );
        self.wire.kick();
        Ok(build::gathered(&self.told, options, std::time::Duration::ZERO, 1).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_replaced_in_every_section() {
        let sdp = "v=0\r\nm=video\r\na=ice-ufrag:aaaa\r\na=ice-pwd:old\r\nm=audio\r\na=ice-ufrag:aaaa\r\n";
        let renewed = with_credentials(sdp, "bbbb", "new");
        assert_eq!(
            renewed,
            "v=0\r\nm=video\r\na=ice-ufrag:bbbb\r\na=ice-pwd:new\r\nm=audio\r\na=ice-ufrag:bbbb\r\n"
        );
    }

    #[test]
    fn ice_texts_are_checked() {
        assert!(is_ice_text("aB+/", &UFRAG));
        for text in ["abc", "ab\r\n", "ab c", "äbcd"] {
            assert!(!is_ice_text(text, &UFRAG), "{text:?}");
        }
    }
}
