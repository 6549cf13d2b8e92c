//! `[relay]`: the embedded STUN and TURN server.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::nat_address::{self, NatAddress};
use crate::reader::Item;
use crate::server::{Tls, addresses_with_ports};
use crate::table::Table;

/// Below are the ports of services; a relayed address there might be taken for one.
const LOWEST_PORT: u16 = 1024;
/// With a longer realm the first answer to a stranger would be more than 1.5 times as large as what it answers.
const LONGEST_REALM: usize = 8;
const BLOCK: &str = "an address or a block of them, such as \"198.51.100.7\" or \"198.51.100.0/24\"";
const RANGE: &str = "\"FIRST-LAST\", such as \"49152-65535\"";

/// `[relay]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Whether it runs; `None`: where no other server is configured.
    pub enabled: Option<bool>,
    /// Where it listens over UDP and TCP; `None`: port 3478 of the addresses of `[server]`, or another one if that is taken.
    pub listen: Option<Vec<SocketAddr>>,
    /// Where it listens over TLS; `None`: port 5349 of the addresses of `listen`.
    pub tls_listen: Option<Vec<SocketAddr>>,
    /// Certificate and key; `None`: those of `[server]`, if there are some.
    pub tls: Option<Certificate>,
    /// Where relayed addresses are opened; empty: on the host's own.
    pub relay_addresses: Vec<IpAddr>,
    /// What the others see instead of the host's own addresses; empty: as `ice.addresses` has it.
    pub external_addresses: Vec<NatAddress>,
    /// Ports of relayed addresses.
    pub port_range: RangeInclusive<u16>,
    /// REALM.
    pub realm: String,
    /// How long a session's credentials are good for.
    pub lifetime: Duration,
    /// Allocations of one session.
    pub quota: usize,
    /// Peers beside the daemon's own candidates.
    pub allow_peers: Vec<Block>,
}

/// `[relay.tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// Addresses that share their leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first address.
    pub address: IpAddr,
    /// How many bits they share.
    pub prefix: u8,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            enabled: None,
            listen: None,
            tls_listen: None,
            tls: None,
            relay_addresses: Vec::new(),
            external_addresses: Vec::new(),
            port_range: 49_152..=65_535,
            realm: "icescope".to_owned(),
            lifetime: Duration::from_hours(6),
            // A browser with four interfaces asks for one each over UDP, TCP and TLS.
            quota: 16,
            allow_peers: Vec::new(),
        }
    }
}

impl Relay {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let seconds = |from, to| Duration::from_secs(from)..=Duration::from_secs(to);
        let relay = Self {
            enabled: table.optional("enabled", Item::boolean),
            listen: table.optional("listen", addresses_with_ports),
            tls_listen: table.optional("tls-listen", addresses_with_ports),
            tls: Tls::read(&table.table("tls"))
                .map(|Tls { certificate, key }| Certificate { certificate, key }),
            relay_addresses: table.or("relay-addresses", default.relay_addresses, relay_addresses),
            external_addresses: table.or("external-addresses", default.external_addresses, nat_address::read),
            port_range: table.or("port-range", default.port_range, |item| item.parsed(RANGE, port_range)),
            realm: table.or("realm", default.realm, |item| item.parsed("\"icescope\"", realm)),
            // Shorter ones would end before a page has gathered; longer ones are no better than passwords.
            lifetime: table.or("lifetime", default.lifetime, |item| item.duration(&seconds(60, 86_400))),
            quota: table
                .or("quota", default.quota, |item| item.count(&(1..=256), "allocations of one session")),
            allow_peers: table.or("allow-peers", default.allow_peers, |item| {
                item.list(&format!("[{BLOCK}]"), |item| item.parsed(BLOCK, block))
            }),
        };
        table.finish();
        relay
    }
}

fn relay_addresses(item: &Item<'_>) -> Option<Vec<IpAddr>> {
    let example = "\"192.0.2.7\"";
    item.list(&format!("[{example}]"), |item| {
        item.parsed(example, |text| {
            let address: IpAddr = text.parse().map_err(|_| "is not an IP address".to_owned())?;
            if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
                return Err("is no address of this host that others can reach".to_owned());
            }
            Ok(address)
        })
    })
}

fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port =
        |text: &str| text.trim().parse::<u16>().map_err(|_| format!("has «{text}» where a port belongs"));
    let (first, last) = text.split_once('-').ok_or("is not a range of ports")?;
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return Err("ends before it begins".to_owned());
    }
    if first < LOWEST_PORT {
        return Err(format!("begins below {LOWEST_PORT}, among the ports of services"));
    }
    Ok(first..=last)
}

fn realm(text: &str) -> Result<String, String> {
    if text.len() > LONGEST_REALM {
        return Err(format!(
            "is longer than {LONGEST_REALM} bytes, and the relay's answers to strangers must stay short"
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !text.bytes().all(plain) {
        return Err("has other characters than letters, digits, «.», «-» and «_»".to_owned());
    }
    Ok(text.to_owned())
}

fn block(text: &str) -> Result<Block, String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| "is not a block of addresses".to_owned())?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => widest,
        Some(prefix) => prefix
            .parse()
            .ok()
            .filter(|prefix| *prefix <= widest)
            .ok_or_else(|| format!("has something else than 0 to {widest} after its «/»"))?,
    };
    let beyond = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    if beyond.checked_shl(prefix.into()).unwrap_or(0) != 0 {
        return Err(format!("has bits set after the first {prefix}"));
    }
    Ok(Block { address, prefix })
}
