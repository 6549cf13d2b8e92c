//! Sockets, clocks and tasks around the pure server.

mod buffer;
mod hub;
mod listen;
mod places;
mod ports;
mod serve;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;

pub use hub::Hub;
pub use listen::{Listening, bind};
pub use serve::serve;
use stream::Outlet;

/// The way to a client.
#[derive(Clone)]
pub enum Link {
    /// By datagrams.
    Udp {
        /// The socket that the client sends to.
        socket: Arc<UdpSocket>,
        /// The client.
        client: SocketAddr,
    },
    /// By a stream.
    Stream(Arc<Outlet>),
}

impl Link {
    /// Sends a message, or drops it: a relay never waits for a slow client.
    pub fn send(&self, bytes: &[u8]) {
        match self {
            Self::Udp { socket, client } => udp::send(socket, bytes, *client),
            Self::Stream(outlet) => outlet.push(bytes),
        }
    }

    /// Whether messages follow each other in a stream.
    pub fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}
