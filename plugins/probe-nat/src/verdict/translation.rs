//! Is there a NAT, and which address does it show?

use std::net::SocketAddr;

use super::{View, ids};
use crate::engine::streams::StreamEnd;
use crate::engine::test::Test;
use crate::facts::Finding;

/// The mapped address against the very local address of the socket, never against 0.0.0.0.
pub fn nat(view: &View<'_>) -> Finding<Option<bool>> {
    let tests = view.mappings();
    let (same, other): (Vec<&Test>, Vec<&Test>) =
        tests.into_iter().partition(|test| test.mapped() == Some(test.local));
    match (same.first(), other.first()) {
        // TCP is often translated where UDP is blocked; but it is UDP that is asked about.
        (None, None) => Finding::unknown("no server said over UDP which address it sees", Vec::new()),
        (Some(_), None) => {
            Finding::new(Some(false), "servers see the socket's own address and port", ids(same))
        }
        (None, Some(test)) => {
            let mapped = test.mapped().map(|mapped| mapped.to_string()).unwrap_or_default();
            Finding::new(Some(true), format!("{} is seen as {mapped}", test.local), ids(other))
        }
        (Some(_), Some(_)) => Finding::unknown(
            "some servers see the own address and others a mapped one",
            ids(same.into_iter().chain(other)),
        ),
    }
}

/// A server that sees a mapped address, and that address: over TCP, where UDP brings nothing.
pub fn public(view: &View<'_>) -> Option<(usize, SocketAddr)> {
    let tests = view.mappings();
    tests.iter().find_map(|test| Some((test.kind.server()?, test.mapped()?))).or_else(|| {
        view.streams.iter().find_map(|stream| match stream.ended {
            Some((_, StreamEnd::Answered { mapped: Some(mapped) })) => Some((stream.server, mapped)),
            _ => None,
        })
    })
}
