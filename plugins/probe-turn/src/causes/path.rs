//! Does the relay carry data: permissions, channels, the path, refresh.

use super::{Finding, Severity, stopped};
use crate::address::is_private;
use crate::attempt::{Attempt, Way};
use crate::step::{Action, Failure, Step};

/// RFC 8656 §9: the code for a peer that the server's rules do not allow.
const FORBIDDEN: u16 = 403;

pub(super) fn judge(attempt: &Attempt) -> Option<Finding> {
    relayed_address(attempt)
        .or_else(|| strange_source(attempt))
        .or_else(|| peer_rules(attempt))
        .or_else(|| permission(attempt))
        .or_else(|| data(attempt))
        .or_else(|| refresh(attempt))
        .or_else(|| attempt.steps.iter().find_map(|step| stopped(attempt, step)))
        .or_else(|| release(attempt))
}

/// What there is to say of a server that does all it should.
pub(super) fn well(attempt: &Attempt) -> String {
    let place = attempt.place();
    let Some(data) = attempt.data else { return format!("{place} gives an allocation.") };
    let rtt = data.rtt_ms.map_or_else(String::new, |rtt| format!(", round trip {:.1} ms", rtt.median));
    let way = match data.way {
        Way::PeerSocket => "to this host and back",
        Way::RelayToRelay => "from relay to relay and back",
    };
    format!("{place} relays {way}{rtt}, {} of {} datagrams lost.", data.sent - data.received, data.sent)
}

fn relayed_address(attempt: &Attempt) -> Option<Finding> {
    let relayed = attempt.relayed_address?.ip();
    let server = attempt.alternate_server.or(attempt.server_address)?.ip();
    (is_private(relayed) && !is_private(server)).then(|| {
        Finding::fatal(
            "D8",
            format!("The relay's address {relayed} is private, while the server's {server} is public."),
            "Tell the TURN server its public address (coturn: external-ip), and forward the relay's ports to it.",
        )
    })
}

fn strange_source(attempt: &Attempt) -> Option<Finding> {
    let source = attempt.strange_source?.ip();
    let relayed = attempt.relayed_address?.ip();
    Some(Finding::fatal(
        "D22",
        format!("Data leaves the relay from {source}, not from the relayed address {relayed}."),
        "Bind the TURN server's relay to the address that it announces (coturn: relay-ip, external-ip), or correct the \
         translation of its outgoing packets.",
    ))
}

fn forbidden(attempt: &Attempt) -> Option<&Step> {
    attempt.steps.iter().find(|step| {
        matches!(step.action, Action::Permission | Action::ChannelBind) && step.code == Some(FORBIDDEN)
    })
}

/// A refused peer is fatal only when no other way is left.
fn peer_rules(attempt: &Attempt) -> Option<Finding> {
    let step = forbidden(attempt)?;
    let peer = step.peer.map_or_else(|| "the peer".to_owned(), |peer| peer.ip().to_string());
    let summary =
        format!("{} refuses {peer} as a peer ({} to {}).", attempt.place(), step.came_back(), word(step));
    let advice = format!(
        "Allow {peer} as a peer if browsers have to reach it through this relay (coturn: allowed-peer-ip, denied-peer-ip; \
         loopback needs allow-loopback-peers)."
    );
    Some(if attempt.relays() {
        Finding::degrades("D7", format!("{summary} Other peers pass."), advice)
    } else if was_stopped(attempt) {
        Finding { severity: Severity::Unknown, ..Finding::fatal("D7", summary, advice) }
    } else {
        Finding::fatal("D7", summary, advice)
    })
}

/// Not everything was tried: other peers may have passed.
fn was_stopped(attempt: &Attempt) -> bool {
    attempt.steps.iter().any(|step| step.failure == Some(Failure::Stopped))
}

fn word(step: &Step) -> &'static str {
    if step.action == Action::ChannelBind { "ChannelBind" } else { "CreatePermission" }
}

fn permission(attempt: &Attempt) -> Option<Finding> {
    let step = attempt.failed(Action::Permission).or_else(|| attempt.failed(Action::ChannelBind))?;
    if let Some(finding) = stopped(attempt, step) {
        return Some(finding);
    }
    if attempt.relays() {
        return Some(Finding::degrades(
            late_code(step),
            format!(
                "{}: {} fails ({}), data passes all the same.",
                attempt.place(),
                word(step),
                step.came_back()
            ),
            "Look into the TURN server's log for this time.",
        ));
    }
    Some(Finding::fatal(
        late_code(step),
        format!("{} gives an allocation, but {} fails: {}.", attempt.place(), word(step), step.came_back()),
        "Look into the TURN server's log for this time.",
    ))
}

/// What a code means once there is an allocation.
fn late_code(step: &Step) -> Option<&'static str> {
    match step.code? {
        401 => Some("D2"),
        437 => Some("D9"),
        438 => Some("D10"),
        441 => Some("D11"),
        443 => Some("D13"),
        486 => Some("D14"),
        508 => Some("D15"),
        _ => None,
    }
}

fn data(attempt: &Attempt) -> Option<Finding> {
    let ways: Vec<&Step> = attempt.steps.iter().filter(|step| step.action == Action::Data).collect();
    if attempt.relays() {
        return degraded(attempt, &ways);
    }
    if let Some(finding) = attempt.steps.iter().find_map(|step| stopped(attempt, step)) {
        return Some(finding);
    }
    let place = attempt.place();
    let relayed = attempt.relayed_address?;
    if ways.is_empty() {
        return Some(Finding::unknown(
            format!("{place} gives an allocation; data through it could not be tried."),
            "Look at the steps for what kept the probe from it.",
        ));
    }
    if attempt.heard_socket {
        return Some(Finding::fatal(None, one_way(attempt), ONE_WAY_ADVICE));
    }
    let both = ways.len() > 1 || attempt.data.is_some_and(|data| data.way == Way::RelayToRelay);
    let also = if both {
        " Nor does it pass between two relayed addresses, as behind a 1:1 NAT without hairpin (D21)."
    } else {
        ""
    };
    Some(Finding::fatal(
        "D23",
        format!("{place} gives an allocation and permissions, but no data passes through {relayed}.{also}"),
        "Open the relay's UDP port range (coturn: min-port to max-port, by default 49152 to 65535) in the firewall before \
         the TURN server, and check its external address.",
    ))
}

/// What can be done about [`one_way`].
const ONE_WAY_ADVICE: &str = "Look whether the TURN server's rules for peers leave this host out without saying so, and for \
                              a firewall that drops what the relay sends.";

/// The relay takes data from this host, but none comes out of it towards this host.
fn one_way(attempt: &Attempt) -> String {
    let relayed =
        attempt.relayed_address.map_or_else(|| "the relay".to_owned(), |relayed| relayed.to_string());
    format!(
        "{}: what this host sends to {relayed} comes through, but nothing comes from there to this host.",
        attempt.place()
    )
}

/// Data passes, though not as well as it should.
fn degraded(attempt: &Attempt, ways: &[&Step]) -> Option<Finding> {
    /// A share of lost datagrams that hurts video; single losses happen anywhere.
    const TOO_MUCH: f64 = 0.1;
    let data = attempt.data?;
    let place = attempt.place();
    let socket_failed = ways.iter().any(|step| !step.ok && step.failure == Some(Failure::Timeout));
    if data.way == Way::RelayToRelay && attempt.heard_socket {
        let summary = format!("{} Between two relayed addresses it does.", one_way(attempt));
        return Some(Finding::degrades(None, summary, ONE_WAY_ADVICE));
    }
    if data.way == Way::RelayToRelay && socket_failed {
        return Some(Finding::degrades(
            "D23",
            format!(
                "{place} relays between two allocations, but no data passed between this host and the relayed address."
            ),
            "Open the relay's UDP port range in the firewall before the TURN server. If UDP is blocked on this host's side, \
             this is what that looks like, and the server is well.",
        ));
    }
    (data.loss > TOO_MUCH).then(|| {
        Finding::degrades(
            None,
            format!("{place} relays, but {:.0} % of the datagrams were lost.", data.loss * 100.0),
            "Look at the load of the TURN server and of the path to it.",
        )
    })
}

fn refresh(attempt: &Attempt) -> Option<Finding> {
    let step = attempt.failed(Action::Refresh)?;
    stopped(attempt, step).or_else(|| {
        let lifetime = attempt.lifetime_s.unwrap_or_default();
        Some(Finding::fatal(
            late_code(step),
            format!(
                "{} relays, but Refresh fails ({}): calls break after {lifetime} s.",
                attempt.place(),
                step.came_back()
            ),
            "Look into the TURN server's log for this time.",
        ))
    })
}

fn release(attempt: &Attempt) -> Option<Finding> {
    (attempt.released == Some(false)).then(|| {
        Finding::degrades(
            None,
            format!(
                "{} relays, but has not confirmed the release: the allocation lives on for {} s at most.",
                attempt.place(),
                attempt.lifetime_s.unwrap_or_default()
            ),
            "Look into the TURN server's log for this time.",
        )
    })
}
