//! TURN.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const TURN: &[Cause] = &[
    cause!("D1", "The TURN challenge", "Nothing needs to change."),
    cause!(
        "D2",
        "Wrong user name, password or secret",
        "Correct the credentials for {server} in [ice] (the {end}'s end): the secret must be the server's static-auth-secret."
    ),
    cause!(
        "D3",
        "The TURN credential has run out",
        "Let credentials for {server} live longer than a session, or open a new session."
    ),
    cause!("D6", "The server has no realm", "Set realm= in the configuration of {server}."),
    cause!(
        "D7",
        "The server forbids the peer",
        "Allow {peer} in the rules of {server} (coturn: allowed-peer-ip; our relay: relay.allow-peers), or offer a public address."
    ),
    cause!(
        "D8",
        "The relay address is private",
        "Set external-ip on {server} (coturn: external-ip=PUBLIC/PRIVATE)."
    ),
    cause!(
        "D9",
        "Allocation mismatch",
        "Widen the relay port range, and use a new local port; see the log of {server}."
    ),
    cause!(
        "D10",
        "A stale nonce was not taken up",
        "Update the client that talks to {server}: a 438 is to be answered with the same request and the new nonce."
    ),
    cause!(
        "D11",
        "The user name changed on a live allocation",
        "Keep one user name per session towards {server}."
    ),
    cause!(
        "D12",
        "The server does not relay over UDP",
        "Remove no-udp-relay from {server}, or use another server."
    ),
    cause!(
        "D13",
        "The server does not relay this family",
        "Give {server} a relay address of that family, or ignore it where the other family works."
    ),
    cause!(
        "D14",
        "The quota is used up",
        "Raise user-quota on {server}: a browser takes one allocation per interface and URL."
    ),
    cause!(
        "D15",
        "The server has no free port",
        "Widen min-port and max-port of {server}, and open them in its firewall."
    ),
    cause!(
        "D16",
        "The server sends its clients elsewhere",
        "Name the server that {server} points at, for clients may not follow it."
    ),
    cause!(
        "D17",
        "The TLS certificate of the TURN server is refused",
        "Renew or correct the certificate of {server}: full chain, right name, trusted authority (ice.ca-file for one of your own)."
    ),
    cause!("D18", "No common TLS version", "Allow TLS 1.2 or 1.3 on {server}."),
    cause!(
        "D19",
        "The daemon does not use a server",
        "Correct the URL {server}; «icescope check-config» says what the daemon can use."
    ),
    cause!(
        "D21",
        "Relay to relay on one server",
        "Let the server reach its own public address (hairpin), or remove the relay from one end."
    ),
    cause!(
        "D22",
        "The relay sends from another address",
        "Bind relay-ip (and the route) of the server to the address that it names."
    ),
    cause!(
        "D24",
        "A relay although direct may do",
        "Set the ICE policy of the {end} back to «all» (ice.policy, iceTransportPolicy) unless a relay is wanted."
    ),
    cause!(
        "D25",
        "Not a TURN server",
        "Correct scheme and port of {server}: turn: and stun: may be mixed up."
    ),
];
