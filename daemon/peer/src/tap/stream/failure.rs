//! Why a stream to a TURN server did not come about or broke: the precise cause, as a word and as a sentence.

use std::io;

use tokio_rustls::rustls::{self, CertificateError};

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The server's name was being resolved, or TCP opened.
    Tcp,
    /// TLS was being set up on it.
    Tls,
    /// Messages were going over it.
    Carrying,
}

/// Why it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was being done.
    pub step: Step,
    /// The cause in a word, for programs.
    pub cause: &'static str,
    /// The cause in a sentence, with what to do.
    pub text: String,
}

impl Failure {
    /// A failure with its cause.
    pub fn new(step: Step, cause: &'static str, text: impl Into<String>) -> Self {
        Self { step, cause, text: text.into() }
    }

    /// Nothing came back in time.
    pub fn timed_out(step: Step) -> Self {
        let text = match step {
            Step::Tls => "the server took the TCP connection but did not answer the TLS handshake in time",
            _ => "nothing came back in time: the port is filtered, or the server is down",
        };
        Self::new(step, "timeout", text)
    }

    /// The kernel refused, or told what came back.
    pub fn io(step: Step, error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::tls(step, tls);
        }
        let (cause, what) = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                ("refused", "the server's host refuses: nothing listens on that port")
            }
            io::ErrorKind::TimedOut => return Self::timed_out(step),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                ("unreachable", "there is no route to the server")
            }
            io::ErrorKind::UnexpectedEof if step == Step::Tls => (
                "closed",
                "the server closed the connection in the TLS handshake: does it speak TLS on that port?",
            ),
            io::ErrorKind::UnexpectedEof => ("closed", "the server closed the connection"),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                ("reset", "the connection was reset, by the server or by something between")
            }
            _ => ("error", "the system reports an error"),
        };
        Self::new(step, cause, format!("{what} ({error})"))
    }

    fn tls(step: Step, error: &rustls::Error) -> Self {
        use CertificateError as Certificate;
        let (cause, what) = match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                Certificate::UnknownIssuer => (
                    "certificate-unknown-issuer",
                    "the server's certificate was issued by nobody whom this host trusts: if its authority is your own, name its certificate in the configuration",
                ),
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => (
                    "certificate-wrong-name",
                    "the server's certificate is for another name: use the name that is in it in the URL",
                ),
                Certificate::Expired | Certificate::ExpiredContext { .. } => {
                    ("certificate-expired", "the server's certificate has expired: renew it")
                }
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => (
                    "certificate-not-yet-valid",
                    "the server's certificate is not valid yet: is this host's clock right?",
                ),
                Certificate::Revoked => ("certificate-revoked", "the server's certificate was revoked"),
                _ => ("certificate-invalid", "the server's certificate is not acceptable"),
            },
            rustls::Error::AlertReceived(_) => ("alert", "the server ended TLS with an alert"),
            rustls::Error::InvalidMessage(_) => {
                ("not-tls", "what came back is no TLS: is that a port for TLS?")
            }
            rustls::Error::PeerIncompatible(_) => (
                "incompatible",
                "the server offers no version or cipher of TLS that is still safe (1.2 or 1.3)",
            ),
            _ => ("tls", "TLS failed"),
        };
        Self::new(step, cause, format!("{what} ({error})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart() {
        let of =
            |error: rustls::Error| Failure::io(Step::Tls, &io::Error::new(io::ErrorKind::InvalidData, error));
        for (certificate, cause) in [
            (CertificateError::UnknownIssuer, "certificate-unknown-issuer"),
            (CertificateError::NotValidForName, "certificate-wrong-name"),
            (CertificateError::Expired, "certificate-expired"),
            (CertificateError::NotValidYet, "certificate-not-yet-valid"),
            (CertificateError::BadEncoding, "certificate-invalid"),
        ] {
            assert_eq!(of(rustls::Error::InvalidCertificate(certificate)).cause, cause);
        }
        let alert = of(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure));
        assert_eq!(alert.cause, "alert");
        assert!(alert.text.contains("HandshakeFailure"), "{}", alert.text);
        let refused = Failure::io(Step::Tcp, &io::Error::from_raw_os_error(111));
        assert_eq!(refused.cause, "refused");
        assert_eq!(Failure::io(Step::Tls, &io::ErrorKind::TimedOut.into()), Failure::timed_out(Step::Tls));
        assert_ne!(Failure::timed_out(Step::Tls).text, Failure::timed_out(Step::Tcp).text);
    }
}
