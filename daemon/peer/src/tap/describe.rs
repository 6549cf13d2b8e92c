//! The wiretap's words for a STUN message that another observer of the daemon saw.

use std::net::SocketAddr;

use icescope_model::{Lane, Monotonic, Observation, Scope};

use super::path::{Direction, Path, Protocol};
use super::recorder;
use super::stun::Message;

/// An observation as the wiretap would make it of a message, seen from `local`: its kind, summary, level and attributes. Whose
/// it is, who saw it, its lanes and what carried it are for the caller to set. `None` for what is no STUN.
pub fn describe(
    datagram: &[u8],
    inbound: bool,
    local: SocketAddr,
    remote: SocketAddr,
    at: Monotonic,
) -> Option<Observation> {
    let message = Message::parse(datagram)?;
    let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
    let path = Path { direction, local, remote, relay: None, protocol: Protocol::Udp };
    Some(recorder::stun(Scope::Daemon, &path, &message, Lane::Turn, None, false, at))
}

#[cfg(test)]
mod tests {
    use super::super::stun::attribute;
    use super::super::stun::tests::build;
    use super::*;

    #[test]
    fn a_message_is_told_in_the_wiretaps_words() {
        let bytes = build(0x0113, [1; 12], &[(attribute::ERROR_CODE, b"\0\0\x04\x03Forbidden")]);
        let [relay, client] = ["192.0.2.1:3478", "192.0.2.9:5000"].map(|text| text.parse().unwrap());
        let told = describe(&bytes, false, relay, client, Monotonic(7)).unwrap();
        assert_eq!((told.kind.as_ref(), told.at), ("turn.allocate.error", Monotonic(7)));
        assert_eq!(told.summary, "Allocate error response to 192.0.2.9:5000: 403 Forbidden");
        assert_eq!(
            (&told.attributes["errorCode"], &told.attributes["localAddress"]),
            (&403.into(), &"192.0.2.1:3478".into())
        );
        assert_eq!(describe(b"no STUN", true, relay, client, Monotonic(7)), None);
    }
}
