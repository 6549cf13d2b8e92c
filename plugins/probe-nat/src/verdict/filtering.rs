//! Filtering: what comes in from an address that the socket never spoke to (RFC 5780 §4.4, RFC 4787 §5).

use std::net::SocketAddr;

use super::{View, ids, mapping};
use crate::engine::server::{Capability, capability};
use crate::engine::test::{Ask, Kind, Test};
use crate::facts::{Filtering, Finding, Mapping};

/// What the sockets that were asked the same say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It came in.
    Yes,
    /// It did not, though the way was open.
    No,
    /// They differ: more have to be asked. A socket may have been given a port that an earlier run has left open.
    Disputed,
    /// They are not done.
    Open,
    /// They differ, or the way is too lossy.
    Unknown,
}

/// Sockets of one question before it is given up.
const MOST_SOCKETS: usize = 4;

/// The answer to one question: two that agree, or three of four.
pub fn said<'a>(tests: impl Iterator<Item = &'a Test>, ask: Ask) -> Said {
    let (mut yes, mut no, mut open, mut all) = (0, 0, 0, 0);
    for test in tests.filter(|test| test.ask == ask) {
        all += 1;
        if came_from_elsewhere(test) {
            yes += 1;
        } else if test.is_silent() {
            no += 1;
        } else if test.is_asking() {
            open += 1;
        }
    }
    match (yes, no) {
        (2.., 0) | (3.., 1) => Said::Yes,
        (0, 2..) | (1, 3..) if open == 0 => Said::No,
        _ if open > 0 => Said::Open,
        (1.., 1..) if all < MOST_SOCKETS => Said::Disputed,
        _ => Said::Unknown,
    }
}

/// An answer came from where the socket had sent nothing to: from another address, if that was asked for, else from
/// another port at least.
fn came_from_elsewhere(test: &Test) -> bool {
    test.heard.iter().filter(|heard| heard.answer.is_some()).any(|heard| {
        if test.ask.change_address { heard.source.ip() != test.to.ip() } else { heard.source != test.to }
    })
}

/// The server answered from where it was asked to.
pub fn is_honoured(test: &Test) -> bool {
    test.heard.iter().filter(|heard| heard.answer.as_ref().is_some_and(|answer| answer.error.is_none())).any(
        |heard| {
            (heard.source.ip() != test.to.ip()) == test.ask.change_address
                && (heard.source.port() != test.to.port()) == test.ask.change_port
        },
    )
}

/// From all servers that can tell.
pub fn overall(view: &View<'_>) -> Finding<Filtering> {
    let mut known: Vec<Finding<Filtering>> = Vec::new();
    let mut why = Vec::new();
    for server in 0..view.servers.len() {
        let finding = of_server(view, server);
        if finding.value == Filtering::Unknown {
            why.push(finding);
        } else {
            known.push(finding);
        }
    }
    let Some(first) = known.first() else {
        let because = why.iter().map(|finding| finding.because.clone()).filter(|text| !text.is_empty());
        let because = because.collect::<Vec<_>>().join("; ");
        let evidence = why.into_iter().flat_map(|finding| finding.evidence).collect();
        let because =
            if because.is_empty() { "no server that speaks RFC 5780 answered".to_owned() } else { because };
        return Finding::unknown(because, evidence);
    };
    if known.iter().any(|finding| finding.value != first.value) {
        let evidence = known.iter().flat_map(|finding| finding.evidence.clone()).collect();
        return Finding::unknown("two servers show different filtering", evidence);
    }
    first.clone()
}

/// As server number `server` shows it.
pub fn of_server(view: &View<'_>, server: usize) -> Finding<Filtering> {
    let url = &view.servers[server].target.url;
    let tests = || view.tests.iter().filter(move |test| test.kind == Kind::Filtering(server));
    match capability(server, view.servers[server].address(), view.tests) {
        Capability::Capable(_) => {}
        Capability::Not(why) => return Finding::unknown(format!("{url} cannot tell: {why}"), Vec::new()),
        Capability::Unknown => return Finding::default(),
    }
    if tests().next().is_none() {
        return Finding::default();
    }
    if let Some(why) = refusal(tests()) {
        return Finding::unknown(format!("{url} cannot tell: {why}"), ids(tests()));
    }
    match said(tests(), Ask::BOTH) {
        Said::Yes => {
            let because = "answers came in from an address that the sockets had never sent to";
            Finding::new(
                Filtering::EndpointIndependent,
                because,
                ids(tests().filter(|test| came_from_elsewhere(test))),
            )
        }
        Said::No => match said(tests(), Ask::PORT) {
            Said::Yes => negative(view, server, true),
            Said::No => negative(view, server, false),
            Said::Disputed | Said::Open | Said::Unknown => undecided(tests()),
        },
        Said::Disputed | Said::Open | Said::Unknown => undecided(tests()),
    }
}

fn undecided<'a>(tests: impl Iterator<Item = &'a Test>) -> Finding<Filtering> {
    Finding::unknown(
        "the sockets that were asked do not agree, or too few answers came on this way to take silence for a «no»",
        ids(tests),
    )
}

/// The server's own word, or deed, that it does not do what it was asked for.
fn refusal<'a>(mut tests: impl Iterator<Item = &'a Test>) -> Option<String> {
    tests.find_map(|test| {
        let heard = test.heard.iter().find(|heard| heard.source == test.to)?;
        Some(match heard.answer.as_ref().and_then(|answer| answer.error.as_ref()) {
            Some((code, reason)) => format!("it refuses CHANGE-REQUEST with {code} {reason}"),
            None => "it answers a CHANGE-REQUEST from the very address that was asked".to_owned(),
        })
    })
}

/// Answers did not come: was the server able to send them?
fn negative(view: &View<'_>, server: usize, other_port_came: bool) -> Finding<Filtering> {
    let of = |kind: Kind| view.tests.iter().filter(move |test| test.kind == kind);
    let mapping = mapping::of_server(view, server);
    let mut evidence = ids(of(Kind::Filtering(server)).chain(of(Kind::Beside(server))));
    let shown = match mapping.value {
        // After the socket itself has spoken to the server's other address, the answer must come through any filter.
        Mapping::EndpointIndependent => of(Kind::Control(server))
            .find(|test| test.ask == Ask::BOTH && is_honoured(test))
            .map(|test| vec![test.id]),
        Mapping::AddressDependent => of(Kind::Control(server))
            .find(|test| test.ask == Ask::PORT && is_honoured(test))
            .map(|test| vec![test.id]),
        // No socket can open the filter for such an answer. The server's word counts then, if its other address
        // speaks as a part of the same server.
        Mapping::AddressAndPortDependent => reciprocal(view, server).map(|test| vec![test.id]),
        Mapping::Unknown => None,
    };
    let Some(shown) = shown else {
        return Finding::unknown(
            "nothing came in from the server's other address, and it could not be shown that it sends from there",
            evidence,
        );
    };
    evidence.extend(shown);
    let sent: usize = of(Kind::Filtering(server)).map(|test| test.sent.len()).sum();
    if other_port_came {
        return Finding::new(
            Filtering::AddressDependent,
            "answers came in from another port of the address that the sockets had sent to, and none from another \
             address",
            evidence,
        );
    }
    let because = format!("{sent} requests for an answer from another port or address brought none");
    Finding::new(Filtering::AddressAndPortDependent, because, evidence)
}

/// The answer of the other address that speaks of the first one's port as its own other port. That it names the first
/// address, too, is not asked: coturn 4.6 names its own one there.
fn reciprocal<'a>(view: &View<'a>, server: usize) -> Option<&'a Test> {
    let address = view.servers[server].address();
    let Capability::Capable(other) = capability(server, address, view.tests) else { return None };
    let is_same_server = |named: SocketAddr| {
        named.port() == address.port() && [address.ip(), other.ip()].contains(&named.ip())
    };
    view.tests.iter().find(|test| {
        test.kind == Kind::Mapping(server)
            && test.to == other
            && test.answer().and_then(|answer| answer.other).is_some_and(is_same_server)
    })
}
