//! DTLS.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const DTLS: &[Cause] = &[
    cause!(
        "F1",
        "Handshake flights are too large for the path",
        "Lower the MTU that the path takes: look for a VPN or tunnel (PPPoE, WireGuard) and its MTU at both ends."
    ),
    cause!(
        "F2",
        "Tiny fragments are not put together",
        "Update the DTLS stack of the end that splits so small."
    ),
    cause!(
        "F3",
        "The handshake is not understood",
        "Update the daemon's host, or turn post-quantum key exchange off in the browser to test (alert: {alert})."
    ),
    cause!(
        "F4",
        "The first timeout is shorter than the round trip",
        "Use a path with a shorter round trip, or raise the first DTLS timeout of the end that repeats."
    ),
    cause!(
        "F5",
        "Both active or both passive",
        "Answer a=setup:actpass with active or passive (RFC 8842 §5.3)."
    ),
    cause!(
        "F6",
        "The certificate is not the signalled one",
        "Hand the SDP over unchanged: its a=fingerprint must be of the certificate in use ({alert})."
    ),
    cause!(
        "F7",
        "DTLS is dropped on the way",
        "Try another network or a TURN server over TLS: something on the path drops DTLS while STUN passes."
    ),
    cause!(
        "F8",
        "The relay's allocation ended",
        "See why {server} did not answer the Refresh: restart, overload, credentials."
    ),
];
