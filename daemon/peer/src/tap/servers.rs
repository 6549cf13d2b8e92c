//! Which addresses are servers, and so which lane a message belongs to.

use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};

use icescope_model::Lane;

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
}

impl Servers {
    /// The configured ones.
    pub fn new(stun: Vec<SocketAddr>, turn: Vec<SocketAddr>) -> Self {
        Self { stun, turn, learned: RwLock::default() }
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
