//! What a session's events say, gathered one by one.
//!
//! Every part is bounded, so that a session that lasts for days costs no more than its set-up, and keeps with each fact the
//! number of the event that shows it.

pub mod attributes;
pub mod candidates;
pub mod checks;
pub mod dtls;
pub mod media;
pub mod nat;
pub mod page;
pub mod servers;
pub mod signalling;
pub mod states;
pub mod stats;

use icescope_model::Event;

/// Facts of one kind that are kept at most; what a session brings beyond is no news.
pub const MOST: usize = 128;
/// Events that are named as evidence of one statement: the first ones tell most.
pub const MOST_EVIDENCE: usize = 8;

/// All that is known of a session.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The page and its browser.
    pub page: page::Page,
    /// Offer, answer and what was refused.
    pub signalling: signalling::Signalling,
    /// The candidates of both ends.
    pub candidates: candidates::Candidates,
    /// What both ends said to STUN and TURN servers.
    pub servers: servers::Servers,
    /// ICE checks, as the daemon's wiretap saw them.
    pub checks: checks::Checks,
    /// What the browser's statistics say.
    pub stats: stats::Stats,
    /// The handshake.
    pub dtls: dtls::Dtls,
    /// RTP and frames.
    pub media: media::Media,
    /// How the browser's NAT maps.
    pub nat: nat::Nat,
    /// What both ends call their states.
    pub states: states::States,
}

impl Facts {
    /// When the page went away: its live channel is closed, and it told nothing by another way since.
    pub fn page_gone(&self) -> Option<i64> {
        let closed = self.signalling.live_closed?;
        self.page.last.is_none_or(|last| last <= closed).then_some(closed)
    }

    /// Takes one event in. The order does not matter beyond what its time says: the browser's come late.
    pub fn see(&mut self, event: &Event) {
        self.page.see(event);
        self.signalling.see(event);
        self.candidates.see(event);
        self.servers.see(event);
        self.checks.see(event);
        self.stats.see(event);
        self.dtls.see(event);
        self.media.see(event);
        self.nat.see(event);
        self.states.see(event);
    }
}

/// Adds to a bounded list.
pub fn keep<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MOST {
        list.push(item);
    }
}

/// Adds an event's number to evidence.
pub fn cite(evidence: &mut Vec<u64>, sequence: u64) {
    if evidence.len() < MOST_EVIDENCE {
        evidence.push(sequence);
    }
}
