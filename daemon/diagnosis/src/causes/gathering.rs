//! Gathering.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const GATHERING: &[Cause] = &[
    cause!("B1", "One address family could not reach a server", "Nothing needs to change."),
    cause!(
        "B2",
        "A server does not answer",
        "Test {server} with «icescope probe»; if it answers there, UDP to it is blocked at the end that got no answer."
    ),
    cause!("B3", "There is no NAT", "Nothing needs to change."),
    cause!(
        "B4",
        "Gathering stalls",
        "Look for a VPN or virtual interface without a way out, or broken IPv6, on the browser's host."
    ),
    cause!(
        "B5",
        "Many ICE servers",
        "Keep one STUN and one TURN server in [ice.browser]; there are {count} URLs."
    ),
    cause!(
        "B6",
        "Only mDNS names",
        "Serve this page where the daemon can resolve .local names (one network segment, ice.mdns), or give the browser a STUN or TURN server."
    ),
    cause!(
        "B7",
        "The browser hides or removes candidates",
        "Allow WebRTC for this page: privacy settings, extensions (uBlock, Privacy Badger) and VPN add-ons remove candidates."
    ),
    cause!(
        "B8",
        "Local Network Access refused",
        "Allow this page to reach the local network in the site's permissions."
    ),
    cause!("B9", "iOS local network permission", "Allow the browser «Local Network» in the settings of iOS."),
    cause!(
        "B10",
        "Only a container's address",
        "Run the container with the host's network, or publish ice.udp-port and name the host's address in ice.addresses."
    ),
    cause!(
        "B12",
        "The external address is wrong, or there are two",
        "Set ice.addresses to {address}, or remove it; with two ways out, bind one in ice.interfaces."
    ),
    cause!(
        "B13",
        "The ends share no family or protocol",
        "Give both ends one common family (ice.families), or configure a TURN server with both."
    ),
    cause!(
        "B14",
        "Firefox does not use loopback",
        "Reach the daemon by an address of its network, or let ice.interfaces take one in."
    ),
    cause!(
        "B15",
        "The address of the page is not offered",
        "Take the interface of {address} into ice.interfaces, or add it to ice.addresses."
    ),
];
