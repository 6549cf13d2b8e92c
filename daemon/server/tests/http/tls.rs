//! HTTPS.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use icescope_server::{Error, Options, Server, Tls};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::support::{evidence_options, options, start, start_with};

/// A certificate for `localhost`, made by openssl; none if there is no openssl.
fn certificate(directory: &std::path::Path) -> Option<Tls> {
    let tls = Tls { certificate: directory.join("chain.pem"), key: directory.join("key.pem") };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&tls.key)
        .arg("-out")
        .arg(&tls.certificate)
        .output();
    match made {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(tls)
        }
        Err(_) => None,
    }
}

#[tokio::test]
async fn https_with_the_configured_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tls) = certificate(directory.path()) else {
        eprintln!("SKIPPED: no openssl on this machine");
        return;
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&tls.certificate).unwrap()).unwrap();
    let running = start_with(Options { tls: Some(tls), ..options() }, evidence_options());
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let connect = async || {
        let tcp = TcpStream::connect(running.address).await.unwrap();
        connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap()
    };
    let own = format!("https://localhost:{}", running.address.port());
    let host = format!("localhost:{}", running.address.port());
    let ask = running.ask("POST", "/api/sessions").with("host", &host).with("origin", &own);
    assert_eq!(ask.send_on(connect().await).await.status, 201);
    // By HTTPS the opener policy holds for every host name.
    let reply = running.ask("GET", "/").with("host", "camera.example").send_on(connect().await).await;
    assert_eq!((reply.status, reply.field("cross-origin-opener-policy")), (421, Some("same-origin")));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let running = start();
    for certificate in [PathBuf::from("does/not/exist.pem"), empty.clone()] {
        let tls = Tls { certificate: certificate.clone(), key: empty.clone() };
        match Server::bind(Options { tls: Some(tls), ..options() }, running.evidence.clone()) {
            Err(error @ Error::Tls { .. }) => {
                let words = error.to_string();
                assert!(
                    words.contains(&certificate.display().to_string()) && words.contains("PEM"),
                    "{words}"
                );
            }
            other => panic!("{:?}", other.err()),
        }
    }
}
