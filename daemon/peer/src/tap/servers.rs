//! Which addresses are servers, and so which lane a message belongs to.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use icescope_model::Lane;

use super::path::Protocol;
use super::stun::Message;
use super::stun_names::is_turn;

/// Resolved addresses that are remembered: configured servers times address families.
const LEARNED: usize = 256;

/// The servers of one session.
#[derive(Debug)]
pub struct Servers {
    stun: Vec<SocketAddr>,
    turn: Vec<SocketAddr>,
    /// What the crate resolved: it resolves the names of STUN and TURN servers and nothing else.
    learned: RwLock<Vec<SocketAddr>>,
    urls: RwLock<Vec<Known>>,
}

/// By which URL a server was configured.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    protocol: Protocol,
    address: SocketAddr,
    lane: Lane,
    url: Arc<str>,
}

impl Servers {
    /// The configured ones.
    pub fn new(stun: Vec<SocketAddr>, turn: Vec<SocketAddr>) -> Self {
        Self { stun, turn, learned: RwLock::default(), urls: RwLock::default() }
    }

    /// The crate resolved a server's name.
    pub fn learn(&self, addresses: &[SocketAddr]) {
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        for address in addresses {
            if learned.len() < LEARNED && !learned.contains(address) {
                learned.push(*address);
            }
        }
    }

    /// A server that was configured by this URL is at this address.
    pub fn learn_url(&self, protocol: Protocol, address: SocketAddr, url: &Arc<str>) {
        let lane = if url.starts_with("turn") { Lane::Turn } else { Lane::Stun };
        let known = Known { protocol, address, lane, url: Arc::clone(url) };
        let mut urls = self.urls.write().unwrap_or_else(PoisonError::into_inner);
        if urls.len() < LEARNED && !urls.contains(&known) {
            urls.push(known);
        }
    }

    /// Whether a server is known at this host, whatever its port: what it relays comes from there, too.
    pub fn is_host(&self, ip: IpAddr) -> bool {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        self.stun.iter().chain(&self.turn).chain(learned.iter()).any(|server| server.ip() == ip)
    }

    /// The URL of the server in this lane at this address.
    pub fn url(&self, protocol: Protocol, address: SocketAddr, lane: Lane) -> Option<Arc<str>> {
        let urls = self.urls.read().unwrap_or_else(PoisonError::into_inner);
        let is = |known: &&Known| (known.protocol, known.address, known.lane) == (protocol, address, lane);
        urls.iter().find(is).map(|known| Arc::clone(&known.url))
    }

    /// The lane at the other end of a message that is not relayed. An ICE check goes to the browser even if that sits at a
    /// server's address.
    pub fn lane(&self, address: SocketAddr, message: &Message<'_>) -> Lane {
        if is_turn(message.method) {
            return Lane::Turn;
        }
        if message.is_check() {
            return Lane::Web;
        }
        let learned = || self.learned.read().unwrap_or_else(PoisonError::into_inner).contains(&address);
        if self.stun.contains(&address) {
            Lane::Stun
        } else if self.turn.contains(&address) {
            Lane::Turn
        } else if learned() {
            Lane::Stun
        } else {
            Lane::Web
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::attribute;
    use super::super::stun::tests::build;
    use super::*;

    #[test]
    fn one_address_may_have_several_urls() {
        let (servers, at) = (Servers::new(vec![], vec![]), "1.1.1.1:3478".parse().unwrap());
        for (protocol, url) in [
            (Protocol::Udp, "stun:s.example"),
            (Protocol::Udp, "turn:s.example"),
            (Protocol::Tcp, "turn:s.example?transport=tcp"),
        ] {
            servers.learn_url(protocol, at, &url.into());
        }
        let url = |protocol, lane| servers.url(protocol, at, lane).map(|url| url.to_string());
        assert_eq!(url(Protocol::Udp, Lane::Stun).as_deref(), Some("stun:s.example"));
        assert_eq!(url(Protocol::Udp, Lane::Turn).as_deref(), Some("turn:s.example"));
        assert_eq!(url(Protocol::Tcp, Lane::Turn).as_deref(), Some("turn:s.example?transport=tcp"));
        assert_eq!(url(Protocol::Tls, Lane::Turn), None);
    }

    #[test]
    fn lanes_follow_the_method_and_the_address() {
        let [stun, turn, named, browser] = ["1.1.1.1:3478", "2.2.2.2:3478", "3.3.3.3:3478", "4.4.4.4:5000"]
            .map(|text| text.parse().unwrap());
        let servers = Servers::new(vec![stun], vec![turn]);
        servers.learn(&[named]);
        let binding = build(0x0001, [1; 12], &[]);
        let binding = Message::parse(&binding).unwrap();
        assert_eq!(servers.lane(stun, &binding), Lane::Stun);
        assert_eq!(servers.lane(turn, &binding), Lane::Turn);
        assert_eq!(servers.lane(named, &binding), Lane::Stun);
        assert_eq!(servers.lane(browser, &binding), Lane::Web);
        let allocate = build(0x0003, [1; 12], &[]);
        assert_eq!(servers.lane(named, &Message::parse(&allocate).unwrap()), Lane::Turn);
        let check = build(0x0001, [1; 12], &[(attribute::USERNAME, b"a:b")]);
        assert_eq!(servers.lane(stun, &Message::parse(&check).unwrap()), Lane::Web);
    }
}
