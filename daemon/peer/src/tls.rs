//! Whom the daemon trusts when it speaks TLS to a TURN server: the system's roots, and those of the configuration.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Why certificates could not be taken from a file's text.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// It is no PEM.
    #[error("the certificates cannot be read: {0}; a PEM file with «BEGIN CERTIFICATE» is wanted")]
    Pem(String),
    /// It has none.
    #[error("there is no certificate in it; a PEM file with «BEGIN CERTIFICATE» is wanted")]
    Empty,
    /// One of them is no certificate.
    #[error("certificate {number} in it cannot be used as a root: {what}")]
    Unusable {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// Reads the certificates of a PEM file, in DER, for [`crate::Options::extra_roots`].
pub fn roots_from_pem(text: &[u8]) -> Result<Vec<Vec<u8>>, RootsError> {
    let read: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(text).collect();
    let certificates = read.map_err(|error| RootsError::Pem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(RootsError::Empty);
    }
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        store
            .add(certificate.clone())
            .map_err(|error| RootsError::Unusable { number: index + 1, what: error.to_string() })?;
    }
    Ok(certificates.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// Makes the settings of TLS once, and anew when the configured roots change.
#[derive(Debug, Default)]
pub(crate) struct Trust(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    extra: Vec<Vec<u8>>,
    config: Arc<ClientConfig>,
}

impl Trust {
    /// The settings with these roots beside the system's.
    pub(crate) fn config(&self, extra: &[Vec<u8>]) -> Arc<ClientConfig> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| made.extra == extra) {
            return Arc::clone(&made.config);
        }
        let config = Arc::new(config(extra));
        *made = Some(Made { extra: extra.to_vec(), config: Arc::clone(&config) });
        config
    }
}

fn config(extra: &[Vec<u8>]) -> ClientConfig {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's root certificates cannot be read");
    }
    let mut roots = RootCertStore::empty();
    // Some systems keep roots that no library takes any more: the others count.
    let (taken, refused) = roots.add_parsable_certificates(system.certs);
    if taken == 0 {
        tracing::warn!(
            refused,
            "the system has no usable root certificates: no public TURN server is trusted over TLS; install ca-certificates"
        );
    }
    roots.add_parsable_certificates(extra.iter().map(|der| CertificateDer::from(der.as_slice())));
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        // Fails only for a provider without a cipher of TLS 1.2 or 1.3; ring has them.
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_read_from_pem_and_what_is_none_is_refused() {
        let authority = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        let pem = format!("a comment\n{}", authority.cert.pem());
        assert_eq!(roots_from_pem(pem.as_bytes()).unwrap(), [authority.cert.der().to_vec()]);
        assert!(matches!(roots_from_pem(b"nothing"), Err(RootsError::Empty)));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(roots_from_pem(broken.as_bytes()), Err(RootsError::Unusable { number: 1, .. })));
    }

    #[test]
    fn settings_are_made_once_for_the_same_roots() {
        let trust = Trust::default();
        let (one, two) = (trust.config(&[]), trust.config(&[]));
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &trust.config(&[vec![1]])));
    }
}
