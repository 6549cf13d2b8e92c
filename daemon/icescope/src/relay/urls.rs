//! Under which URLs the relay is found.

use std::net::{IpAddr, SocketAddr};

use icescope_relay::{Listening, Transport};

/// `stun:` and `turn:` URLs for a page that reached the daemon as `host`, or as `public` says that it is reached. Both empty if
/// the relay listens nowhere.
pub fn of(listening: &[Listening], public: Option<&str>, host: &str) -> (Vec<String>, Vec<String>) {
    let Some(first) = listening.iter().find(|listening| listening.transport == Transport::Udp) else {
        return (Vec::new(), Vec::new());
    };
    let host = shown(listening, first.address, public.unwrap_or(host));
    let port = first.address.port();
    let mut turn =
        vec![format!("turn:{host}:{port}?transport=udp"), format!("turn:{host}:{port}?transport=tcp")];
    let tls = listening.iter().find(|listening| listening.transport == Transport::Tls);
    turn.extend(tls.map(|tls| format!("turns:{host}:{}?transport=tcp", tls.address.port())));
    (vec![format!("stun:{host}:{port}")], turn)
}

/// The URL for the daemon's own peer.
pub fn own(listening: &[Listening]) -> Option<String> {
    let udp = || listening.iter().filter(|listening| listening.transport == Transport::Udp);
    let outside = udp().find(|listening| !listening.address.ip().is_loopback());
    let address = outside.or_else(|| udp().next())?.address;
    Some(format!("turn:{}:{}?transport=udp", bracketed(address.ip()), address.port()))
}

/// The host as it stands in a URL. Names are kept: what they mean is known to whoever uses them. An address at which the relay
/// does not listen would lead nowhere: then its own is told.
fn shown(listening: &[Listening], first: SocketAddr, host: &str) -> String {
    let has = |address: IpAddr| listening.iter().any(|listening| listening.address.ip() == address);
    let address = match host.parse::<IpAddr>() {
        Ok(address) => address,
        // A browser may take either loopback address for it, and the relay may have but one.
        Err(_) if host == "localhost" => [127, 0, 0, 1].into(),
        Err(_) => return host.to_owned(),
    };
    if has(address) {
        return bracketed(address);
    }
    let outside =
        listening.iter().map(|listening| listening.address.ip()).find(|address| !address.is_loopback());
    bracketed(outside.unwrap_or(first.ip()))
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(addresses: &[&str]) -> Vec<Listening> {
        let both = [Transport::Udp, Transport::Tcp];
        addresses
            .iter()
            .flat_map(|address| {
                both.map(|transport| Listening { address: address.parse().unwrap(), transport })
            })
            .collect()
    }

    #[test]
    fn a_page_is_told_the_name_that_it_used() {
        let relay = listening(&["192.0.2.7:3478", "127.0.0.1:3478"]);
        let (stun, turn) = of(&relay, None, "robot.local");
        assert_eq!(stun, ["stun:robot.local:3478"]);
        assert_eq!(turn, ["turn:robot.local:3478?transport=udp", "turn:robot.local:3478?transport=tcp"]);
        assert_eq!(of(&relay, Some("robot.example.net"), "x").0, ["stun:robot.example.net:3478"]);
        assert_eq!(of(&relay, None, "localhost").0, ["stun:127.0.0.1:3478"]);
        assert_eq!(of(&relay, None, "192.0.2.7").0, ["stun:192.0.2.7:3478"]);
    }

    #[test]
    fn an_address_without_the_relay_is_replaced_by_one_with_it() {
        assert_eq!(of(&listening(&["192.0.2.7:5000"]), None, "localhost").0, ["stun:192.0.2.7:5000"]);
        assert_eq!(of(&listening(&["[::1]:5000"]), None, "localhost").0, ["stun:[::1]:5000"]);
        assert_eq!(of(&listening(&["127.0.0.1:5000"]), None, "192.0.2.9").0, ["stun:127.0.0.1:5000"]);
        assert_eq!(of(&[], None, "localhost"), (Vec::new(), Vec::new()));
    }

    #[test]
    fn tls_has_a_url_of_its_own() {
        let mut relay = listening(&["192.0.2.7:3478"]);
        relay.push(Listening { address: "192.0.2.7:5349".parse().unwrap(), transport: Transport::Tls });
        assert_eq!(of(&relay, None, "robot.local").1[2], "turns:robot.local:5349?transport=tcp");
    }

    #[test]
    fn the_daemon_itself_goes_by_an_address_outside_of_loopback_if_there_is_one() {
        let both = listening(&["127.0.0.1:3478", "[2001:db8::7]:3478"]);
        assert_eq!(own(&both), Some("turn:[2001:db8::7]:3478?transport=udp".to_owned()));
        assert_eq!(own(&both[..2]), Some("turn:127.0.0.1:3478?transport=udp".to_owned()));
    }
}
