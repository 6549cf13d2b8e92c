//! Address translation, filtering and networks.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const NETWORK: &[Cause] = &[
    cause!(
        "C1",
        "Both NATs map per destination",
        "Configure a TURN server in [ice]: between two such NATs only a relay connects."
    ),
    cause!(
        "C2",
        "The NATs' behaviours do not fit together",
        "Configure a TURN server in [ice], or forward a UDP port to the daemon (ice.udp-port, ice.addresses)."
    ),
    cause!(
        "C3",
        "The router does not forward the UDP port",
        "Forward {port} on the router to the daemon, as UDP."
    ),
    cause!("C5", "Carrier-grade NAT", "Use a TURN server or IPv6: behind CGNAT no port can be forwarded."),
    cause!(
        "C6",
        "A host firewall or security group drops UDP",
        "Open {port} inbound in the host's firewall and the cloud's security group."
    ),
    cause!(
        "C7",
        "No hairpinning",
        "Let the ends meet inside: offer local addresses (a page with camera permission, mDNS) or use a relay; many routers do not lead packets to {address} back in."
    ),
    cause!(
        "C8",
        "A detour through the outside",
        "Make the local addresses visible to each other; see B6 and B8."
    ),
    cause!(
        "C9",
        "A STUN server inside a translated network",
        "Put {server} outside, or run it with the host's network."
    ),
    cause!(
        "C12",
        "Outbound UDP is blocked",
        "Configure a TURN server over TLS on port 443 («turns:HOST:443?transport=tcp») for the {end}."
    ),
    cause!(
        "C13",
        "A VPN or virtual interface takes the packets",
        "Turn the VPN or virtual interface off on the browser's host, and try again."
    ),
    cause!(
        "C15",
        "Clients of the access point are kept apart",
        "Turn «client isolation» (AP isolation, guest network) off, or use a wire; check host firewalls."
    ),
    cause!("C18", "Something rewrites addresses", "Turn the router's ALG (SIP, STUN helper) off."),
];
