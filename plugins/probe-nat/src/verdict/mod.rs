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
                    | Kind::Recheck(_)
            );
            kind && test.mapped().is_some()
        });
        let all: Vec<&Test> = plain.collect();
        let outside: Vec<&Test> = all.iter().copied().filter(|test| !is_private(test.to.ip())).collect();
        if outside.is_empty() { all } else { outside }
    }

    /// Which part of the requests brought an answer, where any did: 1 on a way that loses nothing.
    pub fn answered_part(self) -> f64 {
        let heard = self.tests.iter().filter(|test| {
            matches!(test.kind, Kind::Mapping(_) | Kind::Beside(_)) && test.answered_attempts() > 0
        });
        let (sent, answered) = heard.fold((0, 0), |(sent, answered), test| {
            let answered_here = test.answered_attempts();
            // What was sent after the last one that was answered may still be under way.
            let last = test.heard.iter().map(|heard| heard.attempt + 1).max().unwrap_or(0);
            (sent + last, answered + answered_here)
        });
        if sent == 0 { 1.0 } else { f64::from(answered as u32) / f64::from(sent as u32) }
    }
}

fn ids<'a>(tests: impl IntoIterator<Item = &'a Test>) -> Vec<usize> {
    tests.into_iter().map(|test| test.id).collect()
}
