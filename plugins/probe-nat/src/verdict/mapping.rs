//! Mapping: one socket, several destinations (RFC 5780 §4.3, RFC 4787 §4.1).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{View, ids};
use crate::engine::test::{Kind, Test};
use crate::facts::{Finding, Mapping};

/// From all servers that answered.
pub fn overall(view: &View<'_>) -> Finding<Mapping> {
    over(&view.mappings())
}

/// From the four addresses of one server alone.
pub fn of_server(view: &View<'_>, server: usize) -> Finding<Mapping> {
    let tests =
        view.tests.iter().filter(|test| test.kind == Kind::Mapping(server) && test.mapped().is_some());
    over(&tests.collect::<Vec<_>>())
}

fn over(tests: &[&Test]) -> Finding<Mapping> {
    let mut sockets: BTreeMap<usize, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        sockets.entry(test.socket).or_default().push(test);
    }
    let mut verdicts: Vec<(Mapping, Vec<&Test>)> = Vec::new();
    let mut depends = Vec::new();
    for (_, tests) in sockets {
        match of_socket(&tests) {
            Seen::Is(mapping) => verdicts.push((mapping, tests)),
            Seen::DependsOnDestination => depends.extend(tests),
            Seen::Contradiction => {
                return Finding::unknown(
                    "the mapped addresses of one socket contradict each other",
                    ids(tests),
                );
            }
            Seen::TooLittle => {}
        }
    }
    let evidence: Vec<usize> = verdicts.iter().flat_map(|(_, tests)| ids(tests.iter().copied())).collect();
    let Some((mapping, _)) = verdicts.first() else {
        if !depends.is_empty() {
            return Finding::unknown(
                "the mapping depends on the destination; no server answered on two ports of one address, which would \
                 tell address- from port-dependent mapping",
                ids(depends),
            );
        }
        return Finding::unknown(
            "no socket got mapped addresses from two destinations that tell it",
            ids(tests.to_vec()),
        );
    };
    let depends_too = !depends.is_empty() && *mapping == Mapping::EndpointIndependent;
    if depends_too || verdicts.iter().any(|(other, _)| other != mapping) {
        return Finding::unknown("the sockets of this host are mapped in different ways", evidence);
    }
    Finding::new(*mapping, because(*mapping), evidence)
}

fn because(mapping: Mapping) -> &'static str {
    match mapping {
        Mapping::EndpointIndependent => "a socket keeps its mapped address at all destinations",
        Mapping::AddressDependent => {
            "a socket keeps its mapped address at the ports of one destination and gets another at another address"
        }
        Mapping::AddressAndPortDependent => {
            "a socket gets another mapped address for each destination and port"
        }
        Mapping::Unknown => "unknown",
    }
}

enum Seen {
    Is(Mapping),
    DependsOnDestination,
    Contradiction,
    TooLittle,
}

/// Every pair of destinations says something: two ports of one address, or two addresses.
fn of_socket(tests: &[&Test]) -> Seen {
    let seen: BTreeMap<SocketAddr, SocketAddr> =
        tests.iter().filter_map(|test| Some((test.to, test.mapped()?))).collect();
    let (mut port_same, mut port_other, mut address_same, mut address_other) = (0, 0, 0, 0);
    let seen: Vec<(SocketAddr, SocketAddr)> = seen.into_iter().collect();
    for (index, (to, mapped)) in seen.iter().enumerate() {
        for (other_to, other_mapped) in &seen[index + 1..] {
            let counter = match (to.ip() == other_to.ip(), mapped == other_mapped) {
                (true, true) => &mut port_same,
                (true, false) => &mut port_other,
                (false, true) => &mut address_same,
                (false, false) => &mut address_other,
            };
            *counter += 1;
        }
    }
    match (port_same, port_other, address_same, address_other) {
        (_, 0, 1.., 0) => Seen::Is(Mapping::EndpointIndependent),
        (1.., 0, 0, 1..) => Seen::Is(Mapping::AddressDependent),
        // Another port of the same address already gets another mapping: whether another address does, too, is sure.
        (0, 1.., 0, _) => Seen::Is(Mapping::AddressAndPortDependent),
        (0, 0, 0, 1..) => Seen::DependsOnDestination,
        (_, 0, 0, 0) => Seen::TooLittle,
        _ => Seen::Contradiction,
    }
}
