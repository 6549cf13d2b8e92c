//! The server over real TCP connections, with a peer that the tests hold in their hands.

mod doors;
mod live;
mod offer;
mod page;
mod peer;
mod serve;
mod sessions;
mod support;
mod tls;
mod whep;
