//! Opening one port on several local addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// Tries to find one free port on all addresses where any will do.
const TRIES: usize = 16;

/// Why a port for all sessions could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SharedPortError {
    /// There is nothing to bind.
    #[error("no local address to open the port {port} on; see ice.interfaces and ice.families")]
    NoAddress {
        /// The configured port.
        port: u16,
    },
    /// The kernel refused one.
    #[error(
        "cannot open the UDP port {port} on {address}: {source}; free it, or choose another ice.udp-port"
    )]
    Bind {
        /// The local address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What came back.
        source: io::Error,
    },
    /// The kernel refused one for TCP.
    #[error(
        "cannot open the TCP port {port} on {address}: {source}; free it, or choose another ice.tcp-port"
    )]
    BindTcp {
        /// The local address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What came back.
        source: io::Error,
    },
}

/// Opens the port on each address with `bind`, which tells the address that it has got; 0 is any that is free on all.
pub fn bind_everywhere<T>(
    addresses: &[IpAddr],
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<(SocketAddr, T)>,
    refused: impl Fn(IpAddr, u16, io::Error) -> SharedPortError,
) -> Result<(u16, Vec<(SocketAddr, T)>), SharedPortError> {
    let mut tries = if port == 0 { TRIES } else { 1 };
    loop {
        match bind_once(addresses, port, &bind, &refused) {
            Err(_) if tries > 1 => tries -= 1,
            done => return done,
        }
    }
}

fn bind_once<T>(
    addresses: &[IpAddr],
    mut port: u16,
    bind: &impl Fn(SocketAddr) -> io::Result<(SocketAddr, T)>,
    refused: &impl Fn(IpAddr, u16, io::Error) -> SharedPortError,
) -> Result<(u16, Vec<(SocketAddr, T)>), SharedPortError> {
    let mut bound = Vec::new();
    for address in addresses {
        let one = bind(SocketAddr::new(*address, port)).map_err(|source| refused(*address, port, source))?;
        port = one.0.port();
        bound.push(one);
    }
    if bound.is_empty() { Err(SharedPortError::NoAddress { port }) } else { Ok((port, bound)) }
}
