//! Can the server be reached: name, TCP connection, TLS.

use icescope_probe_kit::stream::TlsError;

use super::{Finding, stopped};
use crate::attempt::Attempt;
use crate::step::{Action, Failure, Step};

pub(super) fn judge(attempt: &Attempt) -> Option<Finding> {
    let steps = [Action::Dns, Action::Connect, Action::Tls];
    let (action, step) = steps.iter().find_map(|action| Some((*action, attempt.failed(*action)?)))?;
    stopped(attempt, step).or_else(|| {
        Some(match action {
            Action::Dns => name(attempt, step),
            Action::Connect => connect(attempt, step),
            _ => tls(attempt, step),
        })
    })
}

fn name(attempt: &Attempt, step: &Step) -> Finding {
    Finding::fatal(
        "B2",
        format!("The name {} could not be resolved: {}.", attempt.host, step.came_back()),
        "Check the server's name in the URL, and the name server of this host.",
    )
}

fn connect(attempt: &Attempt, step: &Step) -> Finding {
    let place = attempt.place();
    match step.failure {
        Some(Failure::Refused) => Finding::fatal(
            "B2",
            format!("{place}: the connection was refused; nothing listens on that port."),
            "Start the TURN server, or correct the port and the transport in the URL.",
        ),
        Some(Failure::Timeout) => Finding::fatal(
            "B2",
            format!("{place}: no answer to the connection."),
            "Check that the server is up, and that no firewall between this host and it drops TCP to that port.",
        ),
        _ => Finding::fatal(
            "B2",
            format!("{place} cannot be reached: {}.", step.came_back()),
            "Check this host's route to the server, and the address in the URL.",
        ),
    }
}

fn tls(attempt: &Attempt, step: &Step) -> Finding {
    let place = attempt.place();
    let host = &attempt.host;
    let came_back = step.came_back();
    let leaf = attempt.tls.as_ref().and_then(|tls| tls.chain.first());
    let error = attempt.tls.as_ref().and_then(|tls| tls.error.as_ref()).map(|error| error.code);
    match error {
        Some(TlsError::WrongName) => Finding::fatal(
            "D17",
            format!(
                "{place}: the certificate is for {}, not for {host}.",
                leaf.map_or_else(|| "another name".to_owned(), |leaf| leaf.names.join(", "))
            ),
            "Use in the URL a name that is in the certificate, not an address; or get a certificate for this name.",
        ),
        Some(TlsError::UntrustedIssuer) => untrusted(attempt),
        Some(TlsError::Expired) => Finding::fatal(
            "D17",
            format!(
                "{place}: the certificate has expired{}.",
                leaf.map_or_else(String::new, |leaf| format!(" ({} days ago)", -leaf.days_left))
            ),
            "Renew the server's certificate and reload the server: many keep the old one in memory.",
        ),
        Some(TlsError::NotYetValid) => Finding::fatal(
            "D17",
            format!("{place}: the certificate is not valid yet."),
            "Set the clocks of this host and of the certificate's authority right.",
        ),
        Some(TlsError::BadCertificate) => Finding::fatal(
            "D17",
            format!("{place}: the certificate cannot be accepted: {came_back}."),
            "Get a new certificate for the server.",
        ),
        Some(TlsError::Alert) => Finding::fatal(
            "D18",
            format!("{place}: the server refused the handshake: {came_back}."),
            "Allow TLS 1.2 or 1.3 with their usual cipher suites on the server.",
        ),
        _ => Finding::fatal(
            "D25",
            format!("{place} takes the connection, but not the TLS handshake: {came_back}."),
            "Check that the port in the turns: URL is the server's TLS port, and that the server has a certificate.",
        ),
    }
}

/// Which of two: a chain with a piece missing, or an authority that nobody here knows. A server that shows its own
/// certificate alone, signed by somebody else, leaves out at least the link to that signer.
fn untrusted(attempt: &Attempt) -> Finding {
    let place = attempt.place();
    let chain = attempt.tls.as_ref().map_or(&[][..], |tls| &tls.chain);
    match chain {
        [leaf] if leaf.issuer != leaf.subject => Finding::fatal(
            "D17",
            format!(
                "{place}: the chain is incomplete: the server sends its own certificate alone, and its issuer ({}) is not \
                 among the trusted authorities.",
                leaf.issuer
            ),
            "Give the server the full chain (fullchain.pem: its certificate and the intermediate ones). If the issuer is \
             an authority of your own, browsers have to be told of it, and this probe by `ca-file`.",
        ),
        [leaf] => Finding::fatal(
            "D17",
            format!("{place}: the certificate is self-signed ({}); browsers refuse it.", leaf.subject),
            "Use a certificate of a public authority, such as Let's Encrypt.",
        ),
        [.., last] => Finding::fatal(
            "D17",
            format!("{place}: the certificate's authority ({}) is not among the trusted ones.", last.issuer),
            "Use a certificate of a public authority. An authority of your own has to be installed where the browsers \
             are, and named to this probe by `ca-file`.",
        ),
        [] => Finding::fatal(
            "D17",
            format!("{place}: the server's certificate is not trusted."),
            "Use a certificate of a public authority, with its full chain.",
        ),
    }
}
