//! ICE.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const ICE: &[Cause] = &[
    cause!(
        "E1",
        "Checks are lost",
        "Open UDP {direction}, or configure a TURN server in [ice] that both ends reach."
    ),
    cause!(
        "E2",
        "Roles collide, or nobody nominates",
        "Update both ends; a client must be full ICE or say ice-lite, and restart ICE with a new ufrag."
    ),
    cause!("E3", "Given up too early", "Set ice.timeouts.connect to 40s or more."),
    cause!("E4", "The nomination was lost", "Update the controlling end, or restart ICE."),
    cause!(
        "E5",
        "The connection went silent",
        "See whether the browser, its network or the NAT binding went away; the page reconnects by itself."
    ),
    cause!(
        "E7",
        "The network changed",
        "Press Start again, or restart ICE with new credentials whenever the network changes (RFC 8445 §2.4)."
    ),
];
