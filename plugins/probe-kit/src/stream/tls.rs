//! TLS, and what went wrong with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error};

use super::verifier::Recording;
use super::{Certificate, Connection, TrustAnchors, connection};
use crate::exchange::NetworkError;
use crate::observe::Path;
use crate::url::{Host, Protocol};

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsError {
    /// No trust anchor of this machine vouches for the certificate.
    UntrustedIssuer,
    /// The certificate is for other names.
    WrongName,
    /// The certificate is over.
    Expired,
    /// The certificate is not yet valid: one of the two clocks is wrong.
    NotYetValid,
    /// Something else is wrong with the certificate.
    BadCertificate,
    /// The server broke the handshake off with an alert.
    Alert,
    /// What answers does not speak TLS.
    NotTls,
    /// The connection ended during the handshake.
    Closed,
    /// The handshake was not done in time.
    TimedOut,
    /// Anything else: no version or cipher in common, for instance.
    Other,
}

/// A failed handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{words}")]
pub struct TlsFailure {
    /// What kind.
    pub code: TlsError,
    /// In words, with what to do.
    pub words: String,
}

/// What is known of a TLS connection, whether it came about or not. Also a part of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsFacts {
    /// Whether the certificate was verified; `None` if none was shown.
    pub verified: Option<bool>,
    /// Why the handshake failed.
    pub error: Option<TlsFailure>,
    /// The protocol's version: `TLSv1_3`.
    pub version: Option<String>,
    /// The server's certificates, its own first, as it showed them.
    pub chain: Vec<Certificate>,
}

/// Connects by TLS to `remote` as `host`. The facts are there in any case but that there was no TCP connection.
///
/// # Errors
/// There was no TCP connection.
pub async fn connect(
    remote: SocketAddr,
    host: &Host,
    anchors: &TrustAnchors,
    limit: Duration,
) -> Result<(TlsFacts, Option<Connection>), NetworkError> {
    let start = Instant::now();
    let tcp = connection::open(remote, limit).await?;
    let local = tcp.local_addr().map_err(|error| NetworkError::new("the local address", &error))?;
    let recording = Arc::new(Recording::new(anchors));
    let handshake = match connector(&recording).and_then(|connector| Ok((connector, server_name(host)?))) {
        Ok((connector, name)) => {
            let left = limit.saturating_sub(start.elapsed());
            tokio::time::timeout(left, connector.connect(name, tcp)).await
        }
        Err(failure) => return Ok((facts(&recording, None, Some(failure)), None)),
    };
    Ok(match handshake {
        Ok(Ok(stream)) => {
            let version = stream.get_ref().1.protocol_version();
            let version = version.and_then(|version| version.as_str().map(str::to_owned));
            let path = Path { local, remote, protocol: Protocol::Tls };
            (facts(&recording, version, None), Some(Connection::start(stream, path)))
        }
        Ok(Err(error)) => (facts(&recording, None, Some(failure(&error, host))), None),
        Err(_) => {
            let words = format!(
                "the TLS handshake was not done within {limit:.1?}: what listens there may not speak TLS"
            );
            (facts(&recording, None, Some(TlsFailure { code: TlsError::TimedOut, words })), None)
        }
    })
}

fn facts(recording: &Recording, version: Option<String>, mut error: Option<TlsFailure>) -> TlsFacts {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let shown = recording.chain();
    let chain: Vec<Certificate> = shown.iter().filter_map(|der| Certificate::read(der, now)).collect();
    let bad = error.as_ref().is_some_and(|failure| failure.code.is_about_the_certificate());
    if let (Some(failure), [own]) = (&mut error, chain.as_slice())
        && matches!(failure.code, TlsError::UntrustedIssuer | TlsError::BadCertificate)
        && own.subject == own.issuer
    {
        *failure = self_signed();
    }
    TlsFacts { verified: if shown.is_empty() { None } else { Some(!bad) }, error, version, chain }
}

/// rustls says of such a certificate that its issuer is unknown, or that it is an authority's: neither helps a person.
fn self_signed() -> TlsFailure {
    let words = "the certificate is self-signed, which browsers refuse: it has to come from an authority that clients trust";
    TlsFailure { code: TlsError::UntrustedIssuer, words: words.to_owned() }
}

fn connector(recording: &Arc<Recording>) -> Result<TlsConnector, TlsFailure> {
    let builder =
        ClientConfig::builder_with_provider(recording.provider()).with_safe_default_protocol_versions();
    let config = builder.map_err(|error| other(&error))?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::clone(recording) as _);
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

fn server_name(host: &Host) -> Result<ServerName<'static>, TlsFailure> {
    match host {
        Host::Ip(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|error| other(&error)),
    }
}

fn other(error: &dyn std::fmt::Display) -> TlsFailure {
    TlsFailure { code: TlsError::Other, words: format!("TLS failed: {error}") }
}

impl TlsError {
    /// Whether the certificate was the reason.
    pub fn is_about_the_certificate(self) -> bool {
        matches!(
            self,
            Self::UntrustedIssuer
                | Self::WrongName
                | Self::Expired
                | Self::NotYetValid
                | Self::BadCertificate
        )
    }
}

fn failure(error: &io::Error, host: &Host) -> TlsFailure {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        let words = format!("the connection ended during the TLS handshake: {error}");
        return TlsFailure { code: TlsError::Closed, words };
    };
    let (code, words) = match tls {
        Error::InvalidCertificate(certificate) => about_certificate(certificate, host),
        Error::AlertReceived(alert) => {
            (TlsError::Alert, format!("the server broke the TLS handshake off with the alert {alert:?}"))
        }
        Error::InvalidMessage(_) => {
            (TlsError::NotTls, "what answers does not speak TLS: is it the port for plain TCP?".to_owned())
        }
        tls => return other(tls),
    };
    TlsFailure { code, words }
}

fn about_certificate(error: &CertificateError, host: &Host) -> (TlsError, String) {
    match error {
        CertificateError::UnknownIssuer => (
            TlsError::UntrustedIssuer,
            "the certificate comes from an authority that this machine does not trust, or the server does not send \
             the intermediate certificates"
                .to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (TlsError::WrongName, format!("the certificate is not for «{host}» but for other names"))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (TlsError::Expired, "the certificate has expired: it has to be renewed".to_owned())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            TlsError::NotYetValid,
            "the certificate is not valid yet: the clock here or at its authority is wrong".to_owned(),
        ),
        other => (TlsError::BadCertificate, format!("the certificate cannot be accepted: {other}")),
    }
}
