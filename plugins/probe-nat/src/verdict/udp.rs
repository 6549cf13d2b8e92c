//! UDP: open, partial, blocked; never «blocked» only because a server is dead.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{View, ids};
use crate::engine::test::{Icmp, IcmpKind, Kind, Test};
use crate::facts::{Finding, Udp};

fn is_plain(test: &Test) -> bool {
    matches!(
        test.kind,
        Kind::Binding(_)
            | Kind::Beside(_)
            | Kind::Mapping(_)
            | Kind::SparePort(_)
            | Kind::Sample(_)
            | Kind::Recheck(_)
    )
}

/// Destinations that answered, or refused for themselves: the request arrived.
fn arrived<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Test> {
    view.tests.iter().filter(|test| {
        is_plain(test) && test.answer().is_some()
            || matches!(test.kind, Kind::ClosedPort(_) | Kind::SparePort(_) | Kind::Binding(_))
                && test.icmp.iter().any(|icmp| is_own_refusal(test, icmp))
    })
}

/// The destination itself says that nothing listens there.
fn is_own_refusal(test: &Test, icmp: &Icmp) -> bool {
    icmp.kind == IcmpKind::PortUnreachable && icmp.from == Some(test.to.ip())
}

/// Somebody on the way refuses.
fn is_refused_on_the_way(test: &Test) -> bool {
    test.answer().is_none()
        && test.icmp.iter().any(|icmp| {
            matches!(icmp.kind, IcmpKind::PortUnreachable | IcmpKind::Prohibited)
                && icmp.from.is_some_and(|from| from != test.to.ip())
        })
}

/// Destination ports that UDP was seen to reach.
pub fn ports_that_work(view: &View<'_>) -> BTreeSet<u16> {
    arrived(view).map(|test| test.to.port()).collect()
}

/// Destinations that answered a Binding request.
pub fn destinations_that_work(view: &View<'_>) -> BTreeSet<SocketAddr> {
    view.tests.iter().filter(|test| is_plain(test) && test.answer().is_some()).map(|test| test.to).collect()
}

/// The verdict.
pub fn overall(view: &View<'_>) -> Finding<Udp> {
    let working: Vec<&Test> = arrived(view).collect();
    let refused: Vec<&Test> =
        view.tests.iter().filter(|test| is_plain(test) && is_refused_on_the_way(test)).collect();
    if working.is_empty() { blocked(view, &refused) } else { open(view, &working, &refused) }
}

fn open(view: &View<'_>, working: &[&Test], refused: &[&Test]) -> Finding<Udp> {
    let answered = destinations_that_work(view);
    // A port that a server has, asked beside one of the same host that answered all the while. Ports where STUN is only
    // hoped for do not count.
    let silent: Vec<&Test> = view
        .tests
        .iter()
        .filter(|test| {
            matches!(test.kind, Kind::Recheck(_) | Kind::Mapping(_))
                && test.beside.is_some()
                && test.is_silent()
                && !answered.contains(&test.to)
                && !test.icmp.iter().any(|icmp| is_own_refusal(test, icmp))
        })
        .collect();
    let ports: BTreeSet<u16> = working.iter().map(|test| test.to.port()).collect();
    if let Some(shut) = silent.first().or(refused.first()) {
        let because = format!("UDP reaches {}, but nothing comes back from {}", list(&ports), shut.to);
        return Finding::new(
            Udp::Partial,
            because,
            ids(working.iter().chain(&silent).chain(refused).copied()),
        );
    }
    let evidence = ids(working.iter().copied());
    if ports.len() > 1 {
        Finding::new(Udp::Open, format!("UDP reaches {}", list(&ports)), evidence)
    } else {
        Finding::unknown(format!("UDP reaches {}; no other port could be tried", list(&ports)), evidence)
    }
}

fn blocked(view: &View<'_>, refused: &[&Test]) -> Finding<Udp> {
    let asked: Vec<&Test> =
        view.tests.iter().filter(|test| is_plain(test) && !test.sent.is_empty()).collect();
    if asked.is_empty() {
        return Finding::unknown("no server was asked over UDP", Vec::new());
    }
    if let Some(icmp) = refused.first().and_then(|test| test.icmp.iter().find(|icmp| icmp.from.is_some())) {
        let from = icmp.from.map(|from| from.to_string()).unwrap_or_default();
        let because = format!("{from}, on the way to the servers, refuses UDP (ICMP)");
        return Finding::new(Udp::Blocked, because, ids(refused.iter().copied()));
    }
    let over = view.streams.iter().find(|stream| stream.is_answered());
    let Some(stream) = over else {
        return Finding::unknown(
            "no server answered over any transport: that they are all dead is as likely as that UDP is blocked",
            ids(asked),
        );
    };
    let because = format!("{} answers over TCP; nothing answers over UDP", stream.to);
    Finding::new(Udp::Blocked, because, ids(asked))
}

fn list(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    format!("port{} {}", if ports.len() == 1 { "" } else { "s" }, ports.join(", "))
}
