//! The daemon's own addresses to bind, listed afresh at most every few seconds.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::options::{Options, names_match};
use crate::remote_candidates::closed_to;

/// How long a listing is used. A network change is noticed after that; ICE restarts list anew, too.
const LIFETIME: Duration = Duration::from_secs(3);

/// The addresses of interfaces that the options allow.
#[derive(Debug, Default)]
pub(crate) struct LocalAddresses {
    listed: Mutex<Option<(Instant, Vec<IpAddr>)>>,
}

impl LocalAddresses {
    /// The addresses to bind, in the system's order; empty if there is none.
    pub(crate) fn list(&self, options: &Options) -> Vec<IpAddr> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, addresses)) = listed.as_ref().filter(|(at, _)| at.elapsed() < LIFETIME) {
            return addresses.clone();
        }
        let addresses = usable(options);
        *listed = Some((Instant::now(), addresses.clone()));
        addresses
    }

    /// The next listing is made afresh.
    pub(crate) fn forget(&self) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The host's own addresses that the options let sessions use, in the system's order, as they are now.
pub fn own_addresses(options: &Options) -> Vec<IpAddr> {
    usable(options)
}

/// The interface that an address of this host is on, for the record.
pub(crate) fn interface_of(address: IpAddr) -> Option<String> {
    let interfaces = rtc::shared::ifaces::ifaces().ok()?;
    interfaces
        .into_iter()
        .find(|interface| interface.addr.is_some_and(|one| one.ip() == address))
        .map(|interface| interface.name)
}

fn usable(options: &Options) -> Vec<IpAddr> {
    let interfaces = match rtc::shared::ifaces::ifaces() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::error!(%error, "the network interfaces cannot be listed");
            return Vec::new();
        }
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for interface in interfaces {
        let Some(address) = interface.addr.map(|address| address.ip()) else { continue };
        let name = &interface.name;
        let named = options.interfaces.is_empty() || names_match(&options.interfaces, name);
        if named
            && !names_match(&options.exclude_interfaces, name)
            && options.families.contains(address)
            && closed_to(address, options.allow_loopback).is_none()
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_only_where_it_is_allowed() {
        let addresses = LocalAddresses::default();
        let mut options =
            Options { allow_loopback: true, interfaces: vec!["lo".into()], ..Options::default() };
        assert!(addresses.list(&options).iter().all(IpAddr::is_loopback));
        assert!(addresses.list(&options).contains(&"127.0.0.1".parse().unwrap()));
        options.allow_loopback = false;
        addresses.forget();
        assert_eq!(addresses.list(&options), Vec::<IpAddr>::new());
    }

    #[test]
    fn an_address_tells_its_interface() {
        assert_eq!(interface_of("127.0.0.1".parse().unwrap()).as_deref(), Some("lo"));
        assert_eq!(interface_of("192.0.2.254".parse().unwrap()), None);
    }

    #[test]
    fn families_and_exclusions_hold() {
        let options =
            Options { allow_loopback: true, families: crate::options::Families::V6, ..Options::default() };
        assert!(LocalAddresses::default().list(&options).iter().all(IpAddr::is_ipv6));
        let options =
            Options { allow_loopback: true, exclude_interfaces: vec!["*".into()], ..Options::default() };
        assert_eq!(LocalAddresses::default().list(&options), Vec::<IpAddr>::new());
    }
}
