//! What theory expects of two ends: written from the standards alone, before any cell was looked at.
//!
//! What each end knows of the other (RFC 8445 §5.1.1, draft-ietf-mmusic-mdns-ice-candidates §3.1):
//!
//! - The browser is told all of the daemon's candidates: host, server-reflexive, relayed.
//! - The daemon is told the browser's server-reflexive and relayed candidates. The host candidates are mDNS names, which nobody
//!   beyond the browser's own link can resolve. A server-reflexive candidate is told even where it equals the host's own address:
//!   else a browser without NAT could never be sent to.
//!
//! Both ends check all pairs, again and again, for as long as it takes, so who sends first does not matter. One check that
//! arrives is enough: its receiver learns the real source as a peer-reflexive candidate (RFC 8445 §7.3.1.3) and checks back along
//! the same mapping (§7.3.1.4), which the sender's own packet has opened. So the ends reach each other directly, if a check of
//! either arrives at the other.
//!
//! When does a check arrive at an address that was told? The address is the mapping towards the STUN server.
//!
//! - Filtering EIF (and a public host): always. The mapping exists, whoever it was made for.
//! - ADF: if the receiver itself sends to the sender's address *from that same mapping*. It does send (checks to the candidates
//!   that it was told); the mapping is the same if it is endpoint-independent (RFC 4787 §4.1). The sender's port does not matter.
//! - APDF: if, beside that, the sender's packets come from the very port that the receiver sends to: the sender's mapping must be
//!   endpoint-independent, too.
//!
//! A host without NAT behind a firewall is an endpoint-independent mapping of its address to itself.
//!
//! A relayed candidate costs nothing but a permission for the other's IP address (RFC 8656 §9), which the other end's
//! server-reflexive or relayed candidate names; ports do not matter, so any NAT is passed. Every site reaches the TURN server
//! somehow: over UDP, over TCP, or over TCP at port 443. An end without UDP meets the other at its own relayed address, and two
//! such ends meet between two relayed addresses. So with TURN, what is not direct is relayed. Families do not keep ends apart
//! then: a server allocates IPv4 for who asks for no family (RFC 8656 §7.2), whatever the client came by.
//!
//! Direct goes before relayed: pairs with a relayed candidate have the least priority (RFC 8445 §5.1.2.1). A browser nominates
//! what answers first and goes over to a better pair later; an agent that knows one nomination only (RFC 8445 §8.1.1), as the
//! daemon's, must not let a relay's path be the first where a direct one is there: that is what the cells with TURN show.
//!
//! ICE-TCP (RFC 6544): the daemon listens, the browser connects. It needs TCP from the browser to that port, and a daemon that
//! can be connected to; UDP goes before it, a relay after it.

use icescope_natlab::{Behaviour, Facts, Filtering, Mapping, Tcp, Udp};

/// How an attempt can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Connected from end to end.
    Direct,
    /// Connected through a TURN server.
    Relayed,
    /// Not connected.
    Impossible,
}

/// What theory expects. `turn`: whether both ends have a TURN server; `ice_tcp`: whether the daemon listens for ICE-TCP, at 443.
pub fn expected(browser: &Behaviour, daemon: &Behaviour, turn: bool, ice_tcp: bool) -> Ending {
    let families = [(&browser.v4, &daemon.v4), (&browser.v6, &daemon.v6)];
    let direct = families.into_iter().any(|(browser, daemon)| match (browser, daemon) {
        (Some(browser), Some(daemon)) => by_udp(browser, daemon) || (ice_tcp && by_tcp(browser, daemon)),
        _ => false,
    });
    match (direct, turn) {
        (true, _) => Ending::Direct,
        (false, true) => Ending::Relayed,
        (false, false) => Ending::Impossible,
    }
}

fn by_udp(browser: &Facts, daemon: &Facts) -> bool {
    // What cannot send cannot answer either.
    let both_send = [browser, daemon].iter().all(|end| end.udp == Udp::Works);
    both_send && (arrives(browser, daemon) || arrives(daemon, browser))
}

/// Whether a check of `sender` arrives at the address that `receiver` has told.
fn arrives(sender: &Facts, receiver: &Facts) -> bool {
    let same_mapping = |end: &Facts| end.mapping == Some(Mapping::Eim);
    match receiver.filtering {
        Some(Filtering::Eif) => true,
        Some(Filtering::Adf) => same_mapping(receiver),
        Some(Filtering::Apdf) => same_mapping(receiver) && same_mapping(sender),
        None => false,
    }
}

fn by_tcp(browser: &Facts, daemon: &Facts) -> bool {
    let goes_out = matches!(browser.tcp, Tcp::Works | Tcp::Only443);
    // Only a host that has a public address and no filter can be connected to unasked.
    goes_out && daemon.nat == Some(false) && daemon.filtering == Some(Filtering::Eif)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Behaviour {
        let found = icescope_natlab::behaviours().into_iter().find(|one| one.name == name);
        found.unwrap_or_else(|| panic!("no behaviour is called {name}"))
    }

    #[test]
    fn two_homes_meet_and_a_company_meets_only_who_does_not_mind_ports() {
        let direct =
            |browser, daemon| expected(&named(browser), &named(daemon), false, false) == Ending::Direct;
        assert!(direct("EIM APDF, ports kept", "EIM APDF, random ports"));
        assert!(direct("APDM APDF, random ports", "EIM ADF, ports kept"));
        assert!(direct("APDM APDF, random ports", "firewall ADF"));
        assert!(!direct("APDM APDF, random ports", "EIM APDF, ports kept"));
        assert!(
            !direct("APDM APDF, random ports", "ADM ADF, random ports"),
            "its told mapping is the server's alone"
        );
        assert!(direct("APDM APDF, random ports", "APDM EIF, random ports"));
    }

    #[test]
    fn a_relay_helps_whoever_cannot_meet() {
        let (blocked, six) = (named("UDP dropped"), named("IPv6 only, firewall"));
        assert_eq!(expected(&blocked, &blocked, true, false), Ending::Relayed);
        assert_eq!(expected(&six, &blocked, true, false), Ending::Relayed);
        assert_eq!(expected(&six, &blocked, false, false), Ending::Impossible);
        assert_eq!(expected(&six, &six, true, false), Ending::Direct);
    }

    #[test]
    fn ice_tcp_at_443_passes_where_only_that_port_is_open() {
        let expected = |browser| expected(&named(browser), &named("public"), false, true);
        assert_eq!(expected("only TCP 443"), Ending::Direct);
        assert_eq!(expected("UDP dropped"), Ending::Direct);
        assert_eq!(expected("IPv6 only, firewall"), Ending::Impossible);
    }
}
