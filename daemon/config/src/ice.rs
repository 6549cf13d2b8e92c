//! `[ice]`: how paths are looked for.

use std::time::Duration;

use crate::ice_server::{self, Browser, IceServer};
use crate::interfaces::Interfaces;
use crate::nat_address::{self, NatAddress};
use crate::reader::Item;
use crate::table::Table;
use crate::{secret, server};

/// `[ice]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ice {
    /// The servers that the daemon itself uses; their URLs are only those that it speaks.
    pub servers: Vec<IceServer>,
    /// `[ice.browser]`
    pub browser: Browser,
    /// One UDP port for all sessions; `None` is an ephemeral one for each.
    pub udp_port: Option<u16>,
    /// Certificates (PEM, the text of a file) that are trusted beside the system's when a server is spoken to over TLS.
    pub ca_certificates: Option<String>,
    /// The port of ICE-TCP (RFC 6544), 0 for a free one for each session; `None` is no ICE-TCP.
    pub tcp_port: Option<u16>,
    /// Public addresses of a 1:1 NAT in front of this host.
    pub addresses: Vec<NatAddress>,
    /// Which network interfaces are used.
    pub interfaces: Interfaces,
    /// Which address families are used.
    pub families: Families,
    /// Which candidates are used.
    pub policy: Policy,
    /// Whether browsers' `.local` candidates are resolved.
    pub mdns: MulticastDns,
    /// `[ice.timeouts]`
    pub timeouts: Timeouts,
}

/// Address families; never neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// IPv4 is used.
    pub ipv4: bool,
    /// IPv6 is used.
    pub ipv6: bool,
}

impl Default for Families {
    fn default() -> Self {
        Self { ipv4: true, ipv6: true }
    }
}

/// Which candidates the daemon uses, as `RTCIceTransportPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// All.
    #[default]
    All,
    /// Only relayed ones.
    Relay,
}

/// What is done about multicast DNS candidates (draft-ietf-mmusic-mdns-ice-candidates).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MulticastDns {
    /// They are resolved where the network lets multicast through.
    #[default]
    Auto,
    /// They are left alone.
    Off,
}

/// `[ice.timeouts]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// After so long without a word of the other side a connection counts as disconnected.
    pub disconnected: Duration,
    /// After so long without a word of the other side its session is closed.
    pub vanished: Duration,
    /// A session that has not connected so long after its answer is closed.
    pub connect: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            disconnected: Duration::from_secs(5),
            // With the time that it takes to notice and to tidy up, vanished browsers are gone within 30 s.
            vanished: Duration::from_secs(25),
            // RFC 8863 §4: nobody calls ICE failed before 39.5 s have passed; and a handshake may follow the last check.
            connect: Duration::from_secs(45),
        }
    }
}

impl Ice {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let (servers, browser) = ice_server::read(table);
        let policies = [("all", Policy::All), ("relay", Policy::Relay)];
        let mdns = [("auto", MulticastDns::Auto), ("off", MulticastDns::Off)];
        let ice = Self {
            servers,
            browser,
            udp_port: table.optional("udp-port", udp_port),
            ca_certificates: table.optional("ca-file", ca_file),
            tcp_port: table.optional("tcp-port", tcp_port),
            addresses: table.or("addresses", default.addresses, nat_address::read),
            interfaces: Interfaces::read(&table.table("interfaces")),
            families: table.or("families", default.families, families),
            policy: table.or("policy", default.policy, |item| item.one_of(&policies)),
            mdns: table.or("mdns", default.mdns, |item| item.one_of(&mdns)),
            timeouts: Timeouts::read(&table.table("timeouts")),
        };
        table.finish();
        ice
    }
}

fn ca_file(item: &Item<'_>) -> Option<String> {
    let path = secret::file_path(item)?;
    server::read_certificates(item, &path)
}

fn udp_port(item: &Item<'_>) -> Option<u16> {
    let port = item.count::<u16>(&(0..=65_535), "a UDP port for all sessions; 0: a free one for each")?;
    Some(port).filter(|port| *port != 0)
}

fn tcp_port(item: &Item<'_>) -> Option<u16> {
    match item.value().as_str() {
        Some("off") => None,
        Some(_) => item.fail(
            format!("{} is neither a port nor \"off\"", item.quoted()),
            "write the TCP port as a number (0: a free one for each session), or \"off\" for no ICE-TCP",
        ),
        None => item.count::<u16>(&(0..=65_535), "a TCP port; 0: a free one for each session; or \"off\""),
    }
}

fn families(item: &Item<'_>) -> Option<Families> {
    let words = [("ipv4", false), ("ipv6", true)];
    let list = item.list("[\"ipv4\", \"ipv6\"]", |item| item.one_of(&words))?;
    let families = Families { ipv4: list.contains(&false), ipv6: list.contains(&true) };
    if list.is_empty() {
        return item
            .fail("without an address family nothing can connect", "write \"ipv4\", \"ipv6\" or both");
    }
    Some(families)
}

impl Timeouts {
    fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let seconds = |from, to| Duration::from_secs(from)..=Duration::from_secs(to);
        // Consent checks go every 5 s (RFC 7675 §5.1): two of them and their answers may be lost below 25 s.
        let timeouts = Self {
            disconnected: table
                .or("disconnected", default.disconnected, |item| item.duration(&seconds(1, 60))),
            vanished: table.or("vanished", default.vanished, |item| item.duration(&seconds(2, 600))),
            connect: table.or("connect", default.connect, |item| item.duration(&seconds(1, 600))),
        };
        if timeouts.vanished <= timeouts.disconnected {
            let late = table.get("vanished").or_else(|| table.get("disconnected"));
            if let Some(item) = late {
                item.fail::<()>(
                    format!(
                        "a session would be closed (vanished, {} s) before it counts as disconnected ({} s)",
                        timeouts.vanished.as_secs_f64(),
                        timeouts.disconnected.as_secs_f64()
                    ),
                    "make ice.timeouts.vanished longer than ice.timeouts.disconnected",
                );
            }
        }
        table.finish();
        timeouts
    }
}
