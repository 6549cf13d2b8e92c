//! Offer, answer, and what was refused.

use icescope_model::{Event, Lane};

use super::attributes::Read;
use super::keep;
use super::page::Said;

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u64,
    /// The API's word for it.
    pub code: String,
    /// `POST`, `PATCH`.
    pub method: String,
    /// What was said, and where.
    pub said: Said,
}

/// What a handshake is held against (RFC 8842 §5), as one end has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handshake {
    /// `a=setup`.
    pub setup: Option<String>,
    /// `a=fingerprint`.
    pub fingerprint: Option<String>,
    /// Where it is told.
    pub at: u64,
}

impl Handshake {
    fn of_sdp(event: &Event) -> Self {
        let value = |name| {
            let mut lines = event.text("sdp").lines();
            lines.find_map(|line| line.trim_end().strip_prefix(name)).map(str::to_owned)
        };
        Self { setup: value("a=setup:"), fingerprint: value("a=fingerprint:"), at: event.sequence }
    }
}

/// What is known of signalling.
#[derive(Debug, Clone, Default)]
pub struct Signalling {
    /// The offer came.
    pub offered: Option<(i64, u64)>,
    /// The client sends its own picture.
    pub ingest: bool,
    /// Candidates in the offer.
    pub offer_candidates: u64,
    /// The client says that it trickles.
    pub trickle: bool,
    /// The daemon answered.
    pub answered: Option<(i64, u64)>,
    /// The daemon refused.
    pub refusals: Vec<Refusal>,
    /// The browser's candidates were for another ICE generation.
    pub stale: Vec<u64>,
    /// The browser could not hand candidates over.
    pub not_sent: Vec<Said>,
    /// The browser did not take a candidate of the daemon's.
    pub not_taken: Vec<Said>,
    /// The browser made an offer and sent it, by its own word.
    pub sent: Option<(i64, u64)>,
    /// `a=setup` of the offer and of the answer (RFC 8842 §5).
    pub setup: [Option<String>; 2],
    /// The daemon's answer as it left, and as it reached the browser.
    pub answers: [Option<Handshake>; 2],
    /// A live channel was opened to this session.
    pub live: bool,
    /// It was closed, and is not open again.
    pub live_closed: Option<i64>,
    /// ICE was restarted.
    pub restarted: Option<u64>,
}

impl Signalling {
    pub(super) fn see(&mut self, event: &Event) {
        match event.kind.as_str() {
            "signalling.offer" if event.from == Lane::Web => {
                self.offered.get_or_insert((event.time, event.sequence));
                self.ingest = event.text("direction") == "ingest";
                self.offer_candidates = event.count("candidates").unwrap_or(0);
                self.trickle = event.is("trickle");
            }
            "signalling.answer" => {
                self.answered.get_or_insert((event.time, event.sequence));
                let value = |name| Some(event.text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
                if let (setup @ Some(_), fingerprint) = (value("setup"), value("fingerprint")) {
                    self.answers[0] = Some(Handshake { setup, fingerprint, at: event.sequence });
                }
            }
            "signalling.refused" => keep(
                &mut self.refusals,
                Refusal {
                    status: event.count("status").unwrap_or(0),
                    code: event.text("code").to_owned(),
                    method: event.text("method").to_owned(),
                    said: Said::new(event.text("message"), event),
                },
            ),
            "signalling.candidate.sent" if event.text("outcome") == "stale" => {
                keep(&mut self.stale, event.sequence);
            }
            "signalling.candidate.failed" => {
                keep(&mut self.not_sent, Said::new(event.summary.as_str(), event));
            }
            // An empty one is the end of candidates: nothing that could be missed.
            "ice.remote_candidate.failed" if !event.text("candidate").is_empty() => {
                keep(&mut self.not_taken, Said::new(event.text("candidate"), event));
            }
            "signalling.offer.sent" => {
                self.sent.get_or_insert((event.time, event.sequence));
                self.setup[0] = Handshake::of_sdp(event).setup;
            }
            "signalling.answer.received" => {
                let received = Handshake::of_sdp(event);
                self.setup[1].clone_from(&received.setup);
                self.answers[1] = Some(received);
            }
            "signalling.live.open" => {
                self.live = true;
                self.live_closed = None;
            }
            "signalling.live.closed" => self.live_closed = Some(event.time),
            "signalling.restart" => self.restarted = Some(event.sequence),
            _ => {}
        }
    }
}
