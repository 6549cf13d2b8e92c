//! The embedded relay as a server that probes ask: whether it works is as worth knowing as of any other.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use icescope_plugin_host::{GrantedServer, Options};
use icescope_relay::{Listening, Relay, Transport};

/// A run is over long before.
const CREDENTIAL_LIFETIME: Duration = Duration::from_hours(1);
/// What measures the way out of this host learns nothing from a server on it.
const LOOKS_OUTSIDE: [&str; 1] = ["probe-nat"];

/// Whether a probe, by its own name, is to ask the relay.
pub fn is_for(probe: &str) -> bool {
    !LOOKS_OUTSIDE.contains(&probe)
}

/// The relay's URLs, by one of its addresses: one outside of loopback if there is one. Not those over TLS, whose certificate is
/// made out to a name.
pub fn urls(listening: &[Listening]) -> Vec<String> {
    let udp = |one: &&Listening| one.transport == Transport::Udp;
    let outside = |one: &&Listening| !one.address.ip().is_loopback();
    let Some(first) = listening.iter().filter(udp).find(outside).or(listening.iter().find(udp)) else {
        return Vec::new();
    };
    let address = first.address;
    let tcp = listening.iter().any(|one| one.transport == Transport::Tcp && one.address == address);
    let tcp = tcp.then(|| format!("turn:{address}?transport=tcp"));
    [format!("stun:{address}"), format!("turn:{address}")].into_iter().chain(tcp).collect()
}

/// Grants its credentials beside those of the configured servers.
pub fn grant(options: &mut Options, relay: Option<&Relay>) {
    let (Some(mint), Some(relay)) = (options.ice_servers.take(), relay.cloned()) else { return };
    let all = move || {
        let credentials = relay.own_credentials(CREDENTIAL_LIFETIME);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires = i64::try_from((now + CREDENTIAL_LIFETIME).as_secs()).unwrap_or(i64::MAX);
        let granted = |url: String| {
            let opens = url.starts_with("turn");
            let (username, credential) = if opens {
                (credentials.username.clone(), credentials.password.clone())
            } else {
                (String::new(), String::new())
            };
            let expires_unix_s = if opens { expires } else { 0 };
            GrantedServer { url, username, credential, realm: String::new(), expires_unix_s }
        };
        mint().into_iter().chain(urls(relay.listening()).into_iter().map(granted)).collect()
    };
    options.ice_servers = Some(Arc::new(all));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(address: &str, transport: Transport) -> Listening {
        Listening { address: address.parse().unwrap(), transport }
    }

    #[test]
    fn one_address_is_asked_the_one_that_others_can_reach_if_there_is_one() {
        use Transport::{Tcp, Tls, Udp};
        let near = [("127.0.0.1:3478", Udp), ("127.0.0.1:3478", Tcp)].map(|(a, t)| listening(a, t));
        let loopback = ["stun:127.0.0.1:3478", "turn:127.0.0.1:3478", "turn:127.0.0.1:3478?transport=tcp"];
        assert_eq!(urls(&near), loopback);
        let far = [("[2001:db8::7]:3478", Udp), ("[2001:db8::7]:5349", Tls)].map(|(a, t)| listening(a, t));
        let all = [&near[..], &far[..]].concat();
        assert_eq!(urls(&all), ["stun:[2001:db8::7]:3478", "turn:[2001:db8::7]:3478"]);
        assert_eq!(urls(&near[1..]), Vec::<String>::new());
    }
}
