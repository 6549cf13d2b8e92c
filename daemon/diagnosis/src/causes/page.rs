//! The page and signalling.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const PAGE: &[Cause] = &[
    cause!(
        "A1",
        "The page is no secure context",
        "Open the page by https:// (tls of [server]) or on localhost."
    ),
    cause!(
        "A2",
        "A tunnel or proxy carries HTTP only",
        "Give the media a way of its own: forward a UDP port to the daemon and name it in ice.udp-port and ice.addresses, or configure a TURN server in [ice]."
    ),
    cause!(
        "A3",
        "Later candidates were refused",
        "Send PATCH with the ETag of the answer in If-Match, and allow the page's origin in server.allowed-origins."
    ),
    cause!(
        "A4",
        "Candidates did not cross over",
        "Add candidates only after setRemoteDescription, and look at the signalling between the ends."
    ),
    cause!(
        "A6",
        "The page waits for a fixed time",
        "Send the offer at once and trickle the candidates, or stop waiting at the first usable one."
    ),
    cause!(
        "A7",
        "The offer was refused, or the source gives nothing",
        "Look at what the daemon answered ({message}): name a configured source, and see its state with «icescope plugins»."
    ),
    cause!(
        "A8",
        "The daemon has no usable address",
        "Start the daemon after network-online.target, and check ice.interfaces and ice.families."
    ),
];
