//! What may be called failed before the wait of RFC 8863 is over: only what no later packet can change.

use icescope_model::verdict::Certainty;

use crate::facts::Facts;
use crate::fault::Fault;
use crate::stages::families;

/// Whether this fault leaves nothing to wait for.
pub fn is_hopeless(facts: &Facts, fault: &Fault) -> bool {
    let refused = fault.cause == "F6" && fault.certainty == Certainty::Proven;
    let useless = fault.cause == "A8" && fault.certainty == Certainty::Proven;
    refused || useless || nothing_to_pair(facts)
}

/// An end has gathered all that it will and has nothing that could meet anything of the other's.
fn nothing_to_pair(facts: &Facts) -> bool {
    let candidates = &facts.candidates;
    let daemon = candidates.daemon_complete.is_some();
    if daemon && candidates.daemon.is_empty() {
        return true;
    }
    let offered = facts.signalling.offer_candidates > 0 || !candidates.arrived.is_empty();
    let browser = candidates.browser_complete.is_some() && facts.page.seen;
    if browser && candidates.browser.is_empty() && !offered {
        return true;
    }
    // Peer-reflexive candidates have the protocol and the family of those that they were learned with (RFC 8445 §7.3.1.3).
    daemon && browser && !candidates.browser.is_empty() && !families::meet(facts)
}
