//! Reading an event's attributes: what is missing or of another kind is unknown, never an error.

use std::net::{IpAddr, SocketAddr};

use icescope_model::{Event, Lane, SeenBy};
use serde_json::Value;

/// What is asked of an event.
pub trait Read {
    /// A text; empty if there is none.
    fn text(&self, key: &str) -> &str;
    /// A number that is not negative.
    fn count(&self, key: &str) -> Option<u64>;
    /// Whether it is there and true.
    fn is(&self, key: &str) -> bool;
    /// A list of texts.
    fn texts(&self, key: &str) -> Vec<String>;
    /// The browser's page saw it.
    fn by_browser(&self) -> bool;
    /// The last part of its kind: `request`, `success`, `error`.
    fn class(&self) -> &str;
    /// A packet to the daemon.
    fn inbound(&self) -> bool;
    /// A packet from the daemon.
    fn outbound(&self) -> bool;
    /// It went to or came from a STUN or TURN server.
    fn with_server(&self) -> bool;
}

impl Read for Event {
    fn text(&self, key: &str) -> &str {
        self.attributes.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn count(&self, key: &str) -> Option<u64> {
        number(self.attributes.get(key)?)
    }

    fn is(&self, key: &str) -> bool {
        self.attributes.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let list = self.attributes.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).take(super::MOST).map(str::to_owned).collect()
    }

    fn by_browser(&self) -> bool {
        self.seen_by == SeenBy::Browser
    }

    fn class(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }

    fn inbound(&self) -> bool {
        self.text("direction") == "inbound"
    }

    fn outbound(&self) -> bool {
        self.text("direction") == "outbound"
    }

    fn with_server(&self) -> bool {
        let is_server = |lane| matches!(lane, Lane::Stun | Lane::Turn);
        is_server(self.from) || is_server(self.to)
    }
}

/// A count, also where JavaScript wrote it with a fraction.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|n| n.is_finite() && *n >= 0.0).map(|n| n as u64))
}

/// `203.0.113.7:41022`, as an address.
pub fn socket(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

/// The part before the port, without brackets.
pub fn host(text: &str) -> &str {
    match socket(text) {
        Some(_) => text.rsplit_once(':').map_or(text, |(host, _)| host).trim_matches(['[', ']']),
        None => text,
    }
}

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// It means this host.
    Loopback,
    /// 10/8, 172.16/12, 192.168/16, fc00::/7 (RFC 1918, RFC 4193).
    Private,
    /// 100.64/10, between a carrier's NAT and its customers (RFC 6598).
    Shared,
    /// Valid on one link only.
    LinkLocal,
    /// Everything else.
    Public,
}

/// The kind of an address.
pub fn scope(address: IpAddr) -> Scope {
    match address.to_canonical() {
        IpAddr::V4(v4) => match v4.octets() {
            _ if v4.is_loopback() => Scope::Loopback,
            _ if v4.is_private() => Scope::Private,
            _ if v4.is_link_local() => Scope::LinkLocal,
            [100, second, ..] if second & 0xc0 == 64 => Scope::Shared,
            _ => Scope::Public,
        },
        IpAddr::V6(v6) if v6.is_loopback() => Scope::Loopback,
        IpAddr::V6(v6) if v6.is_unique_local() => Scope::Private,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Scope::LinkLocal,
        IpAddr::V6(_) => Scope::Public,
    }
}

/// `ipv4` or `ipv6`.
pub fn family(address: IpAddr) -> &'static str {
    if address.to_canonical().is_ipv4() { "ipv4" } else { "ipv6" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_their_kinds() {
        let of = |text: &str| scope(text.parse().expect("an address"));
        assert_eq!(of("127.0.0.1"), Scope::Loopback);
        assert_eq!(of("172.17.0.2"), Scope::Private);
        assert_eq!(of("100.64.0.1"), Scope::Shared);
        assert_eq!(of("100.128.0.1"), Scope::Public);
        assert_eq!(of("203.0.113.7"), Scope::Public, "a documentation address stands for a public one");
        assert_eq!(of("fd00::1"), Scope::Private);
        assert_eq!(of("::ffff:10.0.0.1"), Scope::Private);
        assert_eq!(host("[2001:db8::1]:5000"), "2001:db8::1");
        assert_eq!(host("192.0.2.1:5000"), "192.0.2.1");
    }
}
