//! Is there a second NAT, the carrier's (RFC 6888)?

use std::net::IpAddr;

use super::{View, ids, translation};
use crate::engine::server::{is_private, is_shared};
use crate::engine::test::{IcmpKind, Kind, State, Test};
use crate::facts::Finding;

/// Requests to the own public address that must have gone unanswered before the first router counts as its owner …
const LEAST_TO_SELF: usize = 8;
/// … on a way that answers this part of what is asked: then all of them being lost has a chance of less than 10⁻⁴.
const LEAST_ANSWERED: f64 = 0.7;

/// The verdict.
pub fn cgnat(view: &View<'_>) -> Finding<Option<bool>> {
    let nat = translation::nat(view);
    if view.ipv6 {
        return Finding::unknown("carriers translate IPv4", Vec::new());
    }
    match nat.value {
        Some(false) => return Finding::new(Some(false), "no address is translated", nat.evidence),
        None => return Finding::unknown("it is not known whether there is a NAT", Vec::new()),
        Some(true) => {}
    }
    if let Some(server) = view.servers.iter().find(|server| is_shared(server.target.source)) {
        let own = server.target.source;
        return Finding::new(Some(true), format!("the own address {own} is of 100.64.0.0/10"), nat.evidence);
    }
    let traces = || view.tests.iter().filter(|test| test.kind == Kind::Trace);
    if let Some((test, hop)) =
        traces().find_map(|test| hop(test).filter(|hop| is_shared(*hop)).map(|hop| (test, hop)))
    {
        let because = format!("the router {hop} on the way is of 100.64.0.0/10 (RFC 6598)");
        return Finding::new(Some(true), because, vec![test.id]);
    }
    first_router(view, traces)
}

/// A packet to the own public address with TTL 1 expires at the first router, unless that router is who has the address.
fn first_router<'a, I: Iterator<Item = &'a Test>>(
    view: &View<'a>,
    traces: impl Fn() -> I,
) -> Finding<Option<bool>> {
    let itself: Vec<&Test> = view.tests.iter().filter(|test| test.kind == Kind::TraceSelf).collect();
    let evidence = || ids(itself.iter().copied().chain(traces()));
    let first = traces().find(|test| test.ttl == Some(1) && hop(test).is_some());
    let Some(router) = first.and_then(hop) else {
        return Finding::unknown("the routers on the way do not say who they are", evidence());
    };
    if itself.iter().any(|test| hop(test).is_some()) {
        return Finding::unknown(
            format!("the first router {router} does not have the public address, so another one translates"),
            evidence(),
        );
    }
    let asked: usize = itself.iter().filter(|test| test.is_silent()).map(|test| test.sent.len()).sum();
    let private_beyond = traces().any(|test| test.ttl > Some(1) && hop(test).is_some_and(is_private));
    // The hairpin tests went on beside these, and answers beside them: the way was open.
    let was_open = view
        .tests
        .iter()
        .any(|test| test.kind == Kind::Hairpin && matches!(test.state, State::Silent | State::Answered));
    if asked < LEAST_TO_SELF || !was_open || private_beyond || view.answered_part() < LEAST_ANSWERED {
        return Finding::unknown("whose the public address is could not be shown", evidence());
    }
    Finding::new(
        Some(false),
        format!(
            "the first router {router} has the public address itself: what has TTL 1 does not expire on the way to it"
        ),
        evidence(),
    )
}

/// Who said that the test's packet expired.
fn hop(test: &Test) -> Option<IpAddr> {
    test.icmp.iter().filter(|icmp| icmp.kind == IcmpKind::TimeExceeded).find_map(|icmp| icmp.from)
}
