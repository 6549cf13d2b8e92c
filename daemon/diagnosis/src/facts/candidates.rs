//! The candidates of both ends, as each told its own and as the client's reached the daemon.

use std::net::IpAddr;

use icescope_model::Event;
use icescope_model::verdict::Side;

use super::attributes::{Read, Scope, family, scope};
use super::keep;

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// `host`, `srflx`, `prflx`, `relay`.
    pub kind: String,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// An address, or an mDNS name.
    pub address: String,
    /// The port.
    pub port: u64,
    /// PRIORITY (RFC 8445 §5.1.2).
    pub priority: Option<u64>,
    /// Where it was gathered.
    pub url: String,
    /// How its relay is spoken to: `udp`, `tcp`, `tls`.
    pub relay_protocol: Option<String>,
    /// `raddr` and `rport`.
    pub related: Option<(String, u64)>,
    /// Why the daemon left it out.
    pub left_out: Option<String>,
    /// Microseconds on the session's axis.
    pub time: i64,
    /// The event.
    pub at: u64,
}

impl Candidate {
    fn read(event: &Event) -> Option<Self> {
        let kind = event.text("candidateType");
        if kind.is_empty() {
            return None;
        }
        let some = |key: &str| Some(event.text(key)).filter(|text| !text.is_empty()).map(str::to_owned);
        let written = related(event.text("candidate"));
        let told = some("relatedAddress").map(|address| (address, event.count("relatedPort").unwrap_or(0)));
        Some(Self {
            kind: kind.to_owned(),
            protocol: event.text("protocol").to_ascii_lowercase(),
            address: event.text("address").to_owned(),
            port: event.count("port").unwrap_or(0),
            priority: event.count("priority"),
            url: event.text("url").to_owned(),
            relay_protocol: some("relayProtocol"),
            related: told.or(written),
            left_out: some("leftOut"),
            time: event.time,
            at: event.sequence,
        })
    }

    /// Its address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }

    /// What kind of address it has; none for an mDNS name.
    pub fn scope(&self) -> Option<Scope> {
        self.ip().map(scope)
    }

    /// `ipv4` or `ipv6`; none for an mDNS name.
    pub fn family(&self) -> Option<&'static str> {
        self.ip().map(family)
    }

    /// A name that only multicast DNS resolves.
    pub fn is_mdns(&self) -> bool {
        self.address.strip_suffix(".local").is_some()
    }

    /// `203.0.113.7:41022`.
    pub fn endpoint(&self) -> String {
        match self.ip() {
            Some(IpAddr::V6(v6)) => format!("[{v6}]:{}", self.port),
            _ => format!("{}:{}", self.address, self.port),
        }
    }
}

fn related(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let after = |name: &str| {
        words
            .iter()
            .position(|word| *word == name)
            .and_then(|at| words.get(at + 1))
            .map(|word| (*word).to_owned())
    };
    Some((after("raddr")?, after("rport")?.parse().ok()?))
}

/// What the browser says of a server that gave no candidate (icecandidateerror).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The server's URL.
    pub url: String,
    /// A STUN error code, or 701: it could not be reached.
    pub code: u64,
    /// The browser's words.
    pub text: String,
    /// The browser's own address, where it tells it.
    pub address: String,
    /// Microseconds on the session's axis.
    pub time: i64,
    /// The event.
    pub at: u64,
}

/// What is known of candidates.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// The browser's own, as it told them.
    pub browser: Vec<Candidate>,
    /// The client's, as they reached the daemon.
    pub arrived: Vec<Candidate>,
    /// The daemon's own.
    pub daemon: Vec<Candidate>,
    /// Servers that gave the browser none.
    pub errors: Vec<ServerError>,
    /// The browser's gathering was complete.
    pub browser_complete: Option<(i64, u64)>,
    /// The daemon's gathering was complete.
    pub daemon_complete: Option<(i64, u64)>,
    /// The browser told the end of its candidates (RFC 8840 §8.2).
    pub end_told: bool,
}

impl Candidates {
    pub(super) fn see(&mut self, event: &Event) {
        match event.kind.as_str() {
            "ice.candidate" => {
                let Some(candidate) = Candidate::read(event) else { return };
                keep(if event.by_browser() { &mut self.browser } else { &mut self.daemon }, candidate);
            }
            "ice.remote_candidate" => {
                if let Some(candidate) = Candidate::read(event) {
                    keep(&mut self.arrived, candidate);
                }
            }
            "ice.candidate_error" => keep(
                &mut self.errors,
                ServerError {
                    url: event.text("url").to_owned(),
                    code: event.count("errorCode").unwrap_or(0),
                    text: event.text("errorText").to_owned(),
                    address: event.text("address").to_owned(),
                    time: event.time,
                    at: event.sequence,
                },
            ),
            "ice.gathering_state" if event.by_browser() => {
                let done = event.text("iceGatheringState") == "complete";
                self.browser_complete = done.then_some((event.time, event.sequence));
            }
            "ice.gathering_state" => {
                self.daemon_complete =
                    (event.text("state") == "complete").then_some((event.time, event.sequence));
            }
            "signalling.candidate" if event.is("endOfCandidates") => self.end_told = true,
            _ => {}
        }
    }

    /// The client's candidates: what it said itself, else what reached the daemon.
    pub fn client(&self) -> &[Candidate] {
        if self.browser.is_empty() { &self.arrived } else { &self.browser }
    }

    /// Those that the daemon may send to.
    pub fn usable(&self) -> impl Iterator<Item = &Candidate> {
        self.arrived.iter().filter(|candidate| candidate.left_out.is_none())
    }

    /// A server that one end cannot use may be what keeps the ends apart: no relay helps out, or that end has nothing else.
    pub fn lack(&self, side: Side) -> bool {
        let own = if side == Side::Daemon { &self.daemon } else { &self.browser };
        own.is_empty() || !self.has_relay()
    }

    /// Either end has a relay's address.
    pub fn has_relay(&self) -> bool {
        self.client().iter().chain(&self.daemon).any(|candidate| candidate.kind == "relay")
    }
}

/// Whether one of them is of that kind.
pub fn has(list: &[Candidate], kind: &str) -> bool {
    list.iter().any(|candidate| candidate.kind == kind)
}

/// The events of some of them, as evidence.
pub fn events<'a>(list: impl IntoIterator<Item = &'a Candidate>) -> Vec<u64> {
    list.into_iter().map(|candidate| candidate.at).take(super::MOST_EVIDENCE).collect()
}
