//! The server over real TCP connections, with a peer that the tests hold in their hands.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod doors;
mod live;
mod live_page;
mod offer;
mod page;
mod peer;
mod probes;
mod record;
mod serve;
mod sessions;
mod share;
mod support;
mod tls;
mod verdict;
mod whep;
mod whep_session;
