//! Name look-ups, with their time and all addresses.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock;
use crate::url::Host;

/// What a look-up found. Also a part of documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolved {
    /// How long it took; `None` if there was nothing to look up.
    pub ms: Option<f64>,
    /// All addresses of both families, in the resolver's order, each once.
    pub addresses: Vec<IpAddr>,
    /// Why there are none.
    pub error: Option<String>,
}

impl Resolved {
    /// The addresses of one family.
    pub fn family(&self, ipv6: bool) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().copied().filter(move |address| address.is_ipv6() == ipv6)
    }
}

/// Asks the system's resolver for the addresses of `host`, for at most `limit`. The system's call cannot be taken back:
/// when the time is up nobody waits for it any longer, and it ends by itself.
pub async fn resolve(host: &Host, limit: Duration) -> Resolved {
    let name = match host {
        Host::Ip(address) => return Resolved { ms: None, addresses: vec![*address], error: None },
        Host::Name(name) => name,
    };
    let start = Instant::now();
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((name.as_str(), 0))).await;
    let ms = Some(clock::milliseconds(start.elapsed()));
    match found {
        Ok(Ok(found)) => {
            let mut addresses = Vec::new();
            for address in found.map(|address: SocketAddr| address.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            let error = addresses.is_empty().then(|| format!("the name «{name}» has no address"));
            Resolved { ms, addresses, error }
        }
        Ok(Err(error)) => {
            let error =
                format!("the name «{name}» could not be looked up: {error}; check its spelling and the DNS");
            Resolved { ms, addresses: Vec::new(), error: Some(error) }
        }
        Err(_) => {
            let error =
                format!("the resolver did not answer for «{name}» within {limit:.1?}; check the DNS server");
            Resolved { ms, addresses: Vec::new(), error: Some(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_needs_no_look_up() {
        let found = resolve(&Host::Ip("2001:db8::1".parse().unwrap()), Duration::ZERO).await;
        assert_eq!(found.ms, None);
        assert_eq!(found.family(true).count(), 1);
        assert_eq!(found.family(false).count(), 0);
    }

    #[tokio::test]
    async fn a_name_is_found_with_its_time() {
        let found = resolve(&Host::Name("localhost".into()), Duration::from_secs(10)).await;
        assert!(found.addresses.iter().all(IpAddr::is_loopback) && !found.addresses.is_empty(), "{found:?}");
        assert!(found.ms.is_some() && found.error.is_none());
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_looked_up_is_an_error_in_words() {
        // RFC 1035 §2.3.4: a label has 63 characters at most. The resolver asks nobody for this one.
        let name = format!("{}.invalid", "a".repeat(64));
        let found = resolve(&Host::Name(name.clone()), Duration::from_secs(10)).await;
        assert!(found.addresses.is_empty());
        assert!(found.error.expect("an error").contains(&name));
    }
}
