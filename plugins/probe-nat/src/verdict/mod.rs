//! From what was observed to the report's fields: pure functions, each with the tests that its answer rests on.
//!
//! A packet that came is certain; one that did not come is not. So a positive observation decides, a negative one only
//! after repetition and beside proof that the way was open, and contradictions are «unknown».

pub mod carrier;
pub mod filtering;
pub mod hairpin;
pub mod mapping;
pub mod ports;
pub mod translation;
pub mod udp;

use crate::engine::server::{Server, is_private};
use crate::engine::streams::Stream;
use crate::engine::test::{Kind, Test};

/// All that was observed.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// About IPv6, else IPv4.
    pub ipv6: bool,
    /// The servers.
    pub servers: &'a [Server],
    /// The tests.
    pub tests: &'a [Test],
    /// Attempts over TCP and TLS.
    pub streams: &'a [Stream],
}

impl<'a> View<'a> {
    /// Tests whose plain request was answered with a mapped address by who was asked; only by servers outside the site,
    /// if there are any: a server in the own network sees no NAT.
    pub fn mappings(self) -> Vec<&'a Test> {
        let plain = self.tests.iter().filter(|test| {
            let kind = matches!(
                test.kind,
                Kind::Binding(_)
                    | Kind::Beside(_)
                    | Kind::Mapping(_)
                    | Kind::SparePort(_)
                    | Kind::Sample(_)
            );
            kind && test.mapped().is_some()
        });
        let all: Vec<&Test> = plain.collect();
        let outside: Vec<&Test> = all.iter().copied().filter(|test| !is_private(test.to.ip())).collect();
        if outside.is_empty() { all } else { outside }
    }

    /// A request of a plain test was lost while others of the same test were answered, or took more than one.
    pub fn is_lossy(self) -> bool {
        self.tests.iter().any(|test| {
            matches!(test.kind, Kind::Binding(_) | Kind::Mapping(_) | Kind::Beside(_))
                && test.heard.first().is_some_and(|heard| heard.attempt > 0)
        })
    }
}

fn ids<'a>(tests: impl IntoIterator<Item = &'a Test>) -> Vec<usize> {
    tests.into_iter().map(|test| test.id).collect()
}
