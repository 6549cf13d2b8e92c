//! The other side's candidates: checked, counted, paced, and handed to the agent.

use std::time::Duration;

use icescope_model::signal::SignalError;
use tokio::time::Instant;
use webrtc::peer_connection::RTCIceCandidateInit;

use super::report::Report;
use super::{Negotiation, Session};
use crate::options::Options;
use crate::remote_candidates::{CandidateFacts, Door};

/// Candidates that are taken at once; browsers have no more in one fragment.
const BURST: u32 = 12;

/// When the next candidate may be taken.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The time at which the burst would be whole again.
    whole: Instant,
    /// After the burst, one in this time: each makes the agent send checks from every own address.
    interval: Duration,
}

impl Pace {
    pub(crate) fn new(now: Instant, per_second: u32) -> Self {
        Self { whole: now, interval: Duration::from_secs(1) / per_second.max(1) }
    }

    /// Takes one turn; the time at which it may be used.
    pub(crate) fn turn(&mut self, now: Instant) -> Instant {
        self.whole = self.whole.max(now) + self.interval;
        now.max(self.whole - self.interval * BURST)
    }
}

impl Session {
    /// Lets candidates of the current generation in. Refuses the whole fragment if one of them is not a candidate.
    pub(crate) async fn take_candidates(
        &self,
        negotiation: &mut Negotiation,
        candidates: &[String],
        options: &Options,
        report: &Report,
    ) -> Result<(), SignalError> {
        let mut facts = Vec::with_capacity(candidates.len().min(options.max_remote_candidates));
        for text in candidates.iter().filter(|text| !text.trim().is_empty()) {
            if negotiation.taken + facts.len() >= options.max_remote_candidates {
                return Err(SignalError::TooManyCandidates { limit: options.max_remote_candidates });
            }
            let candidate = CandidateFacts::read(text).map_err(SignalError::BadCandidate)?;
            // RTCP has no port of its own: it shares RTP's (RFC 5761).
            if candidate.component == 1 {
                facts.push((text, candidate));
            }
        }
        for (text, facts) in facts {
            negotiation.taken += 1;
            if facts.is_direct_udp() {
                self.wire.client_direct();
            }
            match facts.door(options.allow_loopback) {
                Door::Open => {
                    tokio::time::sleep_until(negotiation.pace.turn(Instant::now())).await;
                    report.remote_candidate(&facts, None);
                    if let Some(relay) = facts.relayed_address() {
                        self.wire.client_relay(relay);
                    }
                    self.add(text, negotiation).await?;
                }
                Door::LeftOut(why) => report.remote_candidate(&facts, Some(why)),
            }
        }
        // `add_ice_candidate` does not wake the driver: without this the check would wait for its next turn, up to 200 ms.
        self.wire.kick();
        Ok(())
    }

    async fn add(&self, text: &str, negotiation: &Negotiation) -> Result<(), SignalError> {
        let text = text.trim();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let candidate = RTCIceCandidateInit {
            candidate: text.to_owned(),
            sdp_mid: Some(negotiation.mid.clone()),
            sdp_mline_index: Some(0),
            username_fragment: None,
            url: None,
        };
        self.connection
            .add_ice_candidate(candidate)
            .await
            .map_err(|error| SignalError::BadCandidate(format!("«{text}»: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_is_paced() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 20);
        let waits: Vec<Duration> = (0..BURST + 3).map(|_| pace.turn(start) - start).collect();
        assert!(waits[..BURST as usize].iter().all(Duration::is_zero));
        assert_eq!(waits[BURST as usize..], [50, 100, 150].map(Duration::from_millis));
        let later = start + Duration::from_secs(5);
        assert_eq!(pace.turn(later), later, "after a pause the burst is whole again");
    }
}
