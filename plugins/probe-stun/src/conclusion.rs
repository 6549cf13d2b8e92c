//! What the figures of a server come to, in words. Pure.

use std::fmt::Write as _;

use crate::document::{Document, Outcome, Path};

/// Sets summary and outcome of a document whose other fields are done. The outcome is that of the transport that the
/// URL names: one address that answers is enough for a client, and those that do not are named.
pub fn conclude(document: &mut Document) {
    let (outcome, summary) = judge(document);
    document.outcome = outcome;
    document.summary = summary;
}

fn judge(document: &Document) -> (Outcome, String) {
    if let Some(error) = &document.dns.error {
        return (Outcome::Failed, error.clone());
    }
    if document.protocol == "dtls" {
        let words = "the URL names DTLS, which this probe does not measure and browsers do not use";
        return (Outcome::Skipped, words.to_owned());
    }
    let own: Vec<&Path> = document.paths.iter().filter(|path| !path.extra).collect();
    if own.is_empty() {
        let words = format!("{} has no address of a family that was asked for", document.host);
        return (Outcome::Skipped, words);
    }
    let working = own.iter().filter(|path| works(path)).count();
    let outcome = if working > 0 {
        Outcome::Pass
    } else if own.iter().any(|path| path.reachable.is_some()) {
        Outcome::Failed
    } else {
        Outcome::Unknown
    };
    let mut sentences: Vec<String> = own.iter().map(|path| path_in_words(path)).collect();
    sentences.extend(extras(document, outcome));
    (outcome, sentences.join(" "))
}

/// An answer with an error in it shows that the server is there, not that it is of use.
fn works(path: &Path) -> bool {
    path.reachable == Some(true) && path.mapped_address.is_some()
}

/// How one path turned out.
pub fn path_outcome(path: &Path) -> Outcome {
    match path.reachable {
        _ if works(path) => Outcome::Pass,
        Some(_) => Outcome::Failed,
        None if path.protocol == "dtls" => Outcome::Skipped,
        None => Outcome::Unknown,
    }
}

/// What was found of one path, in a sentence.
pub fn path_in_words(path: &Path) -> String {
    let at = format!("{} by {}", path.address, path.protocol.to_uppercase());
    let words = match (path.reachable, &path.error) {
        (Some(true), _) if path.mapped_address.is_some() => return working_in_words(path, &at),
        (Some(true), Some(error)) => {
            format!("answers with the error {} ({}): {}", error.code, error.reason, error.words)
        }
        (Some(true), None) => {
            "answers, but its answer holds no mapped address: it is not a STUN server".to_owned()
        }
        (Some(false), _) => unreachable_in_words(path),
        (None, _) if path.protocol == "dtls" => "was not tried: this probe does not measure DTLS".to_owned(),
        (None, _) => {
            let why =
                path.network_error.as_ref().map_or("there was no time for it", |problem| &problem.words);
            format!("could not be tried: {why}")
        }
    };
    format!("{at} {words}.")
}

fn unreachable_in_words(path: &Path) -> String {
    if let Some(error) = path.tls.as_ref().and_then(|tls| tls.error.as_ref()) {
        return format!("fails in TLS: {error}");
    }
    if let Some(from) = path.answered_from {
        return format!(
            "is answered for by {from}, and clients drop what comes from another address than they asked: the server has \
             several addresses and has to answer from the one that it was asked at"
        );
    }
    match &path.network_error {
        Some(problem) => format!("is not reachable: {}", problem.words),
        None if path.protocol == "udp" => format!(
            "does not answer {} request{}: the server is down, or a firewall drops UDP there or back",
            path.loss.sent,
            if path.loss.sent == 1 { "" } else { "s" }
        ),
        None => "takes connections, but does not answer: it may not be a STUN server".to_owned(),
    }
}

fn working_in_words(path: &Path, at: &str) -> String {
    let mut words = format!("{at} answers");
    if let Some(rtt) = &path.rtt_ms {
        let _ = write!(words, " in {:.1} ms", rtt.median);
    }
    if let Some(mapped) = path.mapped_address {
        let _ = write!(words, " and sees {mapped}");
    }
    if path.mapped_addresses.len() > 1 {
        let all: Vec<String> = path.mapped_addresses.iter().map(ToString::to_string).collect();
        let _ = write!(
            words,
            "; on one socket it saw several addresses ({}): a NAT on the way does not keep its mapping",
            all.join(", ")
        );
    }
    if path.loss.lost > 0 {
        let _ = write!(words, "; {} of {} requests got no answer", path.loss.lost, path.loss.sent);
    }
    if let Some(own) = path.tls.as_ref().and_then(|tls| tls.chain.first()).filter(|own| own.days_left < SOON)
    {
        let _ = write!(words, "; its certificate ends in {} days", own.days_left);
    }
    words + "."
}

/// Days before the end of a certificate at which it is worth a word: renewals are due at a third of 90 days.
const SOON: i64 = 21;

/// What the transports beside the URL's own add: only where the own one does not work.
fn extras(document: &Document, outcome: Outcome) -> Option<String> {
    let tcp: Vec<&Path> = document.paths.iter().filter(|path| path.extra && works(path)).collect();
    if outcome == Outcome::Pass || tcp.is_empty() {
        return None;
    }
    let addresses: Vec<String> = tcp.iter().map(|path| path.address.to_string()).collect();
    Some(format!(
        "By TCP it does answer ({}): it is alive, and either takes no UDP, or UDP is blocked on the way.",
        addresses.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use icescope_probe_kit::dns::Resolved;
    use icescope_probe_kit::stream::{Certificate, TlsFacts};
    use icescope_probe_kit::url::Protocol;

    use super::*;
    use crate::document::{Loss, NetworkProblem};

    fn path(protocol: Protocol, reachable: Option<bool>, extra: bool) -> Path {
        let mut path = Path::new("192.0.2.1:3478".parse().unwrap(), protocol, extra);
        path.reachable = reachable;
        path.mapped_address = (reachable == Some(true)).then(|| "203.0.113.1:5000".parse().unwrap());
        path.loss = Loss { sent: 4, lost: if reachable == Some(true) { 0 } else { 4 } };
        path
    }

    fn concluded(paths: Vec<Path>) -> (Outcome, String) {
        let mut document = Document {
            url: "stun:example.org".into(),
            host: "example.org".into(),
            port: 3478,
            protocol: "udp",
            dns: Resolved { ms: Some(1.0), addresses: Vec::new(), error: None },
            paths,
            summary: String::new(),
            outcome: Outcome::Unknown,
        };
        conclude(&mut document);
        (document.outcome, document.summary)
    }

    #[test]
    fn one_address_that_answers_is_enough_and_the_other_is_named() {
        let mut other = path(Protocol::Udp, Some(false), false);
        other.address = "[2001:db8::1]:3478".parse().unwrap();
        let (outcome, summary) = concluded(vec![path(Protocol::Udp, Some(true), false), other]);
        assert_eq!(outcome, Outcome::Pass);
        assert!(summary.contains("192.0.2.1:3478 by UDP answers and sees 203.0.113.1:5000."), "{summary}");
        assert!(summary.contains("[2001:db8::1]:3478 by UDP does not answer 4 requests"), "{summary}");
    }

    #[test]
    fn an_extra_transport_does_not_save_the_outcome() {
        let extra = path(Protocol::Tcp, Some(true), true);
        let (outcome, summary) = concluded(vec![path(Protocol::Udp, Some(false), false), extra.clone()]);
        assert_eq!(outcome, Outcome::Failed);
        assert!(summary.ends_with("or UDP is blocked on the way."), "{summary}");
        let (outcome, summary) = concluded(vec![path(Protocol::Udp, Some(true), false), extra]);
        assert_eq!((outcome, summary.contains("By TCP")), (Outcome::Pass, false));
    }

    #[test]
    fn what_could_not_be_tried_is_unknown_beside_nothing_else_and_failed_beside_a_failure() {
        let mut untried = path(Protocol::Udp, None, false);
        untried.network_error =
            Some(NetworkProblem { code: "network-unreachable", words: "no route".into() });
        let (outcome, summary) = concluded(vec![untried.clone()]);
        assert_eq!(outcome, Outcome::Unknown);
        assert!(summary.contains("could not be tried: no route"), "{summary}");
        assert_eq!(concluded(vec![untried, path(Protocol::Udp, Some(false), false)]).0, Outcome::Failed);
    }

    #[test]
    fn an_answer_without_a_mapped_address_is_of_no_use() {
        let mut odd = path(Protocol::Udp, Some(true), false);
        odd.mapped_address = None;
        let (outcome, summary) = concluded(vec![odd]);
        assert_eq!(outcome, Outcome::Failed);
        assert!(summary.contains("it is not a STUN server"), "{summary}");
    }

    #[test]
    fn a_certificate_that_ends_soon_is_worth_a_word_and_a_fresh_one_is_not() {
        let ends_in = |days_left: i64| {
            let text = || "x".to_owned();
            let certificate = Certificate {
                subject: text(),
                issuer: text(),
                names: Vec::new(),
                not_before: text(),
                not_after: text(),
                days_left,
            };
            let mut tls = path(Protocol::Tls, Some(true), false);
            tls.tls =
                Some(TlsFacts { verified: Some(true), error: None, version: None, chain: vec![certificate] });
            concluded(vec![tls]).1
        };
        assert!(ends_in(5).contains("its certificate ends in 5 days"), "{}", ends_in(5));
        assert!(!ends_in(60).contains("certificate"), "{}", ends_in(60));
    }
}
