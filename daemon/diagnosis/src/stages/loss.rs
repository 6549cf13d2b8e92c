//! Which way checks are lost: what each end sent beside what the other end got.

use crate::facts::Facts;
use crate::facts::attributes::host;
use crate::facts::candidates::Candidate;

/// What both ends saw of checks.
#[derive(Debug, Clone, Default)]
pub struct Loss {
    /// Checks that the browser sent, over all pairs; none where its statistics do not count them (Firefox).
    pub browser_sent: Option<u64>,
    /// Checks that the browser got.
    pub browser_received: Option<u64>,
    /// Checks that the daemon sent.
    pub daemon_sent: u32,
    /// Checks that the daemon got.
    pub daemon_received: u32,
    /// Where the browser sent most of its checks, as it knows it.
    pub to_daemon: Option<String>,
    /// Where the daemon sent most of its checks.
    pub to_browser: Option<String>,
    /// The events that show it.
    pub evidence: Vec<u64>,
}

/// Which way nothing comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Neither.
    Both,
    /// To the daemon.
    ToDaemon,
    /// To the browser.
    ToBrowser,
    /// It cannot be told.
    Unknown,
}

impl Loss {
    /// Reads it off the facts.
    pub fn of(facts: &Facts) -> Self {
        let (daemon_sent, daemon_received) = facts.checks.totals();
        let mut loss = Self { daemon_sent, daemon_received, ..Self::default() };
        if let Some(at) = facts.stats.seen {
            let pairs = &facts.stats.pairs;
            // A browser without a pair has neither sent nor got a check: one that comes in makes a pair (RFC 8445 §7.3.1.4).
            let none = pairs.is_empty().then_some(0);
            loss.browser_sent = facts.stats.total(|counted| counted.requests_sent).or(none);
            loss.browser_received = facts.stats.total(|counted| counted.requests_received).or(none);
            let most = pairs.iter().max_by_key(|pair| pair.counted.requests_sent);
            loss.to_daemon =
                most.and_then(|pair| facts.stats.remote(pair)).map(|end| endpoint(&end.address, end.port));
            loss.evidence.push(pairs.first().map_or(at, |pair| pair.at));
        }
        if let Some(most) =
            facts.checks.pairs.iter().max_by_key(|pair| pair.sent).filter(|pair| pair.sent > 0)
        {
            loss.to_browser = Some(most.remote.clone());
            loss.evidence.extend(most.sent_at.iter().take(3));
        }
        let received = facts.checks.pairs.iter().filter(|pair| pair.received > 0);
        loss.evidence.extend(received.filter_map(|pair| pair.received_at.first()).take(2));
        loss
    }

    /// Which way is shut.
    pub fn way(&self) -> Way {
        let to_daemon = self.daemon_received == 0 && self.browser_sent.is_none_or(|sent| sent > 0);
        let to_browser = self.daemon_sent > 0 && self.browser_received == Some(0);
        match (to_daemon, to_browser) {
            _ if self.browser_sent.is_none() => Way::Unknown,
            (true, true) => Way::Both,
            (true, false) => Way::ToDaemon,
            (false, true) => Way::ToBrowser,
            (false, false) => Way::Unknown,
        }
    }

    /// In words: what was sent and what arrived, each way.
    pub fn words(&self) -> String {
        let to_daemon = self.to_daemon.as_deref().unwrap_or("the daemon");
        let to_browser = self.to_browser.as_deref().unwrap_or("the browser");
        let checks = |count: u64| if count == 1 { "1 check".to_owned() } else { format!("{count} checks") };
        let got = |count: u64| if count == 0 { "none".to_owned() } else { count.to_string() };
        let browser = match self.browser_sent {
            Some(sent) => format!(
                "the browser sent {} to {to_daemon}, the daemon received {}",
                checks(sent),
                got(self.daemon_received.into())
            ),
            None => {
                format!("the daemon received {} of the client's checks", got(self.daemon_received.into()))
            }
        };
        let daemon = match self.browser_received {
            Some(received) => format!(
                "the daemon sent {} to {to_browser}, the browser received {}",
                checks(self.daemon_sent.into()),
                got(received)
            ),
            None => format!(
                "the daemon sent {} to {to_browser}, none was answered",
                checks(self.daemon_sent.into())
            ),
        };
        format!("{browser}; {daemon}")
    }
}

/// An address with its port, as text.
pub fn endpoint(address: &str, port: u64) -> String {
    match (address, address.contains(':')) {
        ("", _) => "an address that the browser hides".to_owned(),
        (_, true) => format!("[{address}]:{port}"),
        (_, false) => format!("{address}:{port}"),
    }
}

/// Both have the same public IPv4 address: one NAT is in front of both.
pub fn same_public(facts: &Facts) -> Option<(&Candidate, &Candidate)> {
    let srflx = |list: &'_ [Candidate]| -> Vec<usize> {
        list.iter()
            .enumerate()
            .filter(|(_, c)| c.kind == "srflx" && c.family() == Some("ipv4"))
            .map(|(i, _)| i)
            .collect()
    };
    let (client, daemon) = (facts.candidates.client(), &facts.candidates.daemon);
    for theirs in srflx(client) {
        for ours in srflx(daemon) {
            if host(&client[theirs].address) == host(&daemon[ours].address) {
                return Some((&client[theirs], &daemon[ours]));
            }
        }
    }
    None
}
