//! `ice.addresses`: the public addresses of a 1:1 NAT.

use std::fmt;
use std::net::IpAddr;

use crate::reader::Item;

const EXAMPLE: &str = "\"PUBLIC\" or \"LOCAL/PUBLIC\", such as \"203.0.113.7\" or \"10.0.0.2/203.0.113.7\"";

/// A public address that stands for a local one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NatAddress {
    /// The local one; `None` is any of the same family.
    pub local: Option<IpAddr>,
    /// The one to name in candidates.
    pub public: IpAddr,
}

impl NatAddress {
    fn parse(text: &str) -> Result<Self, String> {
        let address = |text: &str| {
            text.parse::<IpAddr>().map_err(|_| format!("has «{text}» where an IP address belongs"))
        };
        let (local, public) = match text.split_once('/') {
            Some((local, public)) => (Some(address(local)?), address(public)?),
            None => (None, address(text)?),
        };
        if local.is_some_and(|local| local.is_ipv4() != public.is_ipv4()) {
            return Err("joins two address families".to_owned());
        }
        if public.is_unspecified() || public.is_loopback() || public.is_multicast() {
            return Err(format!("would have candidates name {public}, where nobody can reach this host"));
        }
        Ok(Self { local, public })
    }
}

impl fmt::Display for NatAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local.map_or(Ok(()), |local| write!(f, "{local}/"))?;
        write!(f, "{}", self.public)
    }
}

pub(crate) fn read(item: &Item<'_>) -> Option<Vec<NatAddress>> {
    let mut seen: Vec<NatAddress> = Vec::new();
    item.list(&format!("[{EXAMPLE}]"), |item| {
        let address = item.parsed(EXAMPLE, NatAddress::parse)?;
        let same = |other: &&NatAddress| {
            other.local == address.local && other.public.is_ipv4() == address.public.is_ipv4()
        };
        if let Some(other) = seen.iter().find(same) {
            return item.fail(
                format!("\"{address}\" and \"{other}\" are for the same local addresses"),
                "name the local address before each: \"LOCAL/PUBLIC\"",
            );
        }
        seen.push(address);
        Some(address)
    })
}
