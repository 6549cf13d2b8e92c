//! Filtering: what comes in from an address that the socket never spoke to (RFC 5780 §4.4, RFC 4787 §5).

use std::net::SocketAddr;

use super::{View, ids, mapping};
use crate::engine::server::{Capability, capability};
use crate::engine::test::{Ask, Kind, Test};
use crate::facts::{Filtering, Finding, Mapping};

/// The widest opening that packets of these tests came through: certain, for they came.
pub fn opening<'a>(tests: impl Iterator<Item = &'a Test>) -> Option<Filtering> {
    let mut found = None;
    for test in tests {
        for heard in test.heard.iter().filter(|heard| heard.answer.is_some()) {
            if heard.source.ip() != test.to.ip() {
                return Some(Filtering::EndpointIndependent);
            }
            if heard.source.port() != test.to.port() {
                found = Some(Filtering::AddressDependent);
            }
        }
    }
    found
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
    let opening = opening(tests());
    if opening == Some(Filtering::EndpointIndependent) {
        let shown = tests().filter(|test| test.heard.iter().any(|heard| heard.source.ip() != test.to.ip()));
        let because = "an answer came in from an address that the socket had never sent to";
        return Finding::new(Filtering::EndpointIndependent, because, ids(shown));
    }
    let both: Vec<&Test> = tests().filter(|test| test.ask == Ask::BOTH).collect();
    let port: Vec<&Test> = tests().filter(|test| test.ask == Ask::PORT).collect();
    if both.is_empty() || !both.iter().all(|test| test.is_silent()) {
        return Finding::unknown("too few answers on this way to take silence for a «no»", ids(tests()));
    }
    if opening.is_none() && (port.is_empty() || !port.iter().all(|test| test.is_silent())) {
        return Finding::unknown("too few answers on this way to take silence for a «no»", ids(tests()));
    }
    negative(view, server, opening)
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
fn negative(view: &View<'_>, server: usize, opening: Option<Filtering>) -> Finding<Filtering> {
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
    match opening {
        Some(_) => Finding::new(
            Filtering::AddressDependent,
            "answers came in from another port of the address that the socket had sent to, and none from another \
             address",
            evidence,
        ),
        None => Finding::new(
            Filtering::AddressAndPortDependent,
            format!("{sent} requests for an answer from another port or address brought none"),
            evidence,
        ),
    }
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
