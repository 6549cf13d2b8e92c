//! Does the server give an allocation: silence, redirection, error codes.

use super::{Finding, stopped};
use crate::attempt::Attempt;
use crate::credential::Kind;
use crate::step::{Action, Failure, Step};
use icescope_probe_kit::url::Protocol;

pub(super) fn judge(attempt: &Attempt, now_unix_s: i64) -> Option<Finding> {
    if attempt.relayed_address.is_some() {
        return None;
    }
    let step = attempt
        .failed(Action::Redirect)
        .or_else(|| attempt.failed(Action::Allocate))
        .or_else(|| attempt.failed(Action::Challenge))?;
    if let Some(finding) = stopped(attempt, step) {
        return Some(finding);
    }
    let finding = if step.action == Action::Redirect {
        redirected(attempt, step)
    } else if let Some(code) = step.code {
        refused(attempt, step, code, now_unix_s)
    } else {
        unanswered(attempt, step)
    };
    // Whatever ails the server that the client was sent to, it is where that redirection leads.
    let Some(alternate) = attempt.alternate_server.filter(|_| step.failure != Some(Failure::Code)) else {
        return Some(finding);
    };
    Some(Finding::fatal(
        "D16",
        format!(
            "The server sent the client to {alternate} (300 Try Alternate), and that one gives no allocation: {}.",
            step.came_back()
        ),
        "Correct or remove the alternate server in the TURN server's configuration.",
    ))
}

fn redirected(attempt: &Attempt, step: &Step) -> Finding {
    Finding::fatal(
        "D16",
        format!(
            "{} answers 300 Try Alternate, but that leads nowhere: {}.",
            attempt.place(),
            step.detail.as_deref().unwrap_or("no usable ALTERNATE-SERVER")
        ),
        "Correct or remove the alternate server in the TURN server's configuration.",
    )
}

fn unanswered(attempt: &Attempt, step: &Step) -> Finding {
    let place = attempt.place();
    if attempt.passed(Action::Binding) {
        return Finding::fatal(
            "D25",
            format!(
                "{place} answers STUN Binding, but not Allocate: it is a STUN server, or one whose TURN is off."
            ),
            "Use the URL of a TURN server, or switch TURN on (coturn: no stun-only).",
        );
    }
    match (step.failure, attempt.transport) {
        (Some(Failure::Refused), _) => Finding::fatal(
            "B2",
            format!("{place}: the port is closed (ICMP port unreachable)."),
            "Start the TURN server, or correct the port and the transport in the URL.",
        ),
        (Some(Failure::Unreachable), _) => Finding::fatal(
            "B2",
            format!("{place} cannot be reached: {}.", step.came_back()),
            "Check this host's route to the server, and the address in the URL.",
        ),
        (Some(Failure::Credential), _) => Finding::fatal(
            "D5",
            format!("The credential for {place} cannot be sent: {}.", step.came_back()),
            "Correct user name and password; characters may have been changed on their way into the configuration.",
        ),
        (Some(Failure::Invalid), _) => Finding::fatal(
            None,
            format!("{place} answers, but not as RFC 8656 has it: {}.", step.came_back()),
            "Check that the URL names a TURN server, and that nothing between changes its messages.",
        ),
        (Some(Failure::Timeout), Protocol::Udp) => Finding::fatal(
            "B2",
            format!("{place}: no answer at all."),
            "Check that the server is up, and that UDP to that port is open from this host. Where UDP is blocked, offer \
             turns: on port 443.",
        ),
        _ => Finding::fatal(
            "D25",
            format!("{place} takes the connection, but does not speak TURN on it: {}.", step.came_back()),
            "Check the port and the scheme of the URL: turn: for plain TCP, turns: for TLS.",
        ),
    }
}

fn refused(attempt: &Attempt, step: &Step, code: u16, now_unix_s: i64) -> Finding {
    let place = attempt.place();
    let came_back = step.came_back();
    match code {
        401 => unauthorised(attempt, now_unix_s),
        400 | 404 => Finding::fatal(
            "D25",
            format!("{place} does not understand Allocate: {came_back}."),
            "Use the URL of a TURN server: this one answers as a STUN server does.",
        ),
        403 => Finding::fatal(
            None,
            format!("{place} forbids this client to allocate: {came_back}."),
            "Look at the TURN server's rules for clients and users.",
        ),
        437 => Finding::fatal(
            "D9",
            format!("{place}: {came_back}: the server already has an allocation of this address and port."),
            "If a retransmission was answered so, the server does not repeat its answers: update it. Else something before it \
             gives the same port to several clients.",
        ),
        438 => Finding::fatal(
            "D10",
            format!("{place}: {came_back} again, although the request carried the server's newest nonce."),
            "Look for several servers behind one address that do not share their nonces, or for a server clock that jumps.",
        ),
        440 | 443 | 446 => Finding::fatal(
            "D13",
            format!("{place} has no relay address of the wanted family: {came_back}."),
            "Give the TURN server a relay address of that family. Old versions of coturn say 440 also when their ports have \
             run out.",
        ),
        441 => Finding::fatal(
            "D11",
            format!("{place}: {came_back}: the allocation belongs to another user."),
            "Keep one user name for the whole life of an allocation.",
        ),
        442 => Finding::fatal(
            "D12",
            format!("{place} relays no UDP: {came_back}."),
            "Switch UDP relaying on (coturn: remove no-udp-relay); WebRTC needs it whatever the transport to the server.",
        ),
        486 => Finding::fatal(
            "D14",
            format!("{place}: {came_back}: this user's quota of allocations is used up."),
            "Raise the quota (coturn: user-quota, total-quota). A browser takes one allocation for each of its addresses and \
             each URL.",
        ),
        508 => Finding::fatal(
            "D15",
            format!("{place} has no relay port left: {came_back}."),
            "Widen the relay's port range (coturn: min-port, max-port), or look for clients that never release.",
        ),
        _ => Finding::fatal(
            None,
            format!("{place} gives no allocation: {came_back}."),
            "Look into the TURN server's log for this time.",
        ),
    }
}

/// 401 to a request with credentials.
fn unauthorised(attempt: &Attempt, now_unix_s: i64) -> Finding {
    let place = attempt.place();
    let realm = attempt.realm.as_deref().unwrap_or_default();
    let expires = attempt.credential.and_then(|told| told.expires_unix_s);
    if let Some(ago) = expires.map(|expires| now_unix_s - expires).filter(|ago| *ago >= 0) {
        return Finding::fatal(
            "D3",
            format!("{place} refuses the credential (401): it is time-limited and expired {ago} s ago."),
            "Mint a fresh one. If this one was just minted, the clock of the host that mints it is slow.",
        );
    }
    if realm.is_empty() {
        return Finding::fatal(
            "D6",
            format!("{place} names no realm in its 401, so that no credential can fit."),
            "Set the realm on the TURN server (coturn: realm).",
        );
    }
    if let Some(expected) = attempt.expected_realm.as_deref().filter(|expected| *expected != realm) {
        return Finding::fatal(
            "D6",
            format!(
                "{place} refuses the credential (401): it was made for the realm «{expected}», the server's is «{realm}»."
            ),
            "Make the realm in the configuration and on the TURN server the same; a stored password is bound to its realm.",
        );
    }
    if attempt.credential.is_some_and(|told| told.kind == Kind::TimeLimited) {
        return Finding::fatal(
            "D2",
            format!(
                "{place} refuses the time-limited credential (401), which has not expired by this host's clock: the shared \
                 secret differs, or the server's clock is fast."
            ),
            "Compare the shared secret here and on the server (coturn: static-auth-secret), then the server's clock.",
        );
    }
    Finding::fatal(
        "D2",
        format!("{place} refuses the credential (401): wrong user name or password for the realm «{realm}»."),
        "Correct user name and password. If they contain characters such as : @ / + = they may have been changed on their \
         way into the configuration.",
    )
}
