//! What the server is told; the binary makes it from the configuration.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::SessionId;
use icescope_model::api::IceServer;

/// Makes the ICE servers that a client is told, with fresh credentials. It gets the request's checked host name or
/// address (without brackets and port), for servers that run on this host, and the session that they are for, if there is one.
pub type IceServers = Arc<dyn Fn(&str, Option<SessionId>) -> Vec<IceServer> + Send + Sync>;

/// What the server is told.
#[derive(Clone)]
pub struct Options {
    /// Addresses to listen on. Read once, at the start.
    pub listen: Vec<SocketAddr>,
    /// Certificate and key for HTTPS; plain HTTP without. Read once, at the start.
    pub tls: Option<Tls>,
    /// Connections served at one time; more wait in the kernel's queue. Read once, at the start.
    pub max_connections: usize,
    /// Host names (`name` or `name:port`) by which the daemon may be called, besides `localhost`, loopback addresses,
    /// the address that was connected to and the host of `public_url`.
    pub allowed_hosts: Vec<String>,
    /// Foreign origins (`https://name[:port]`) whose pages may call the daemon.
    pub allowed_origins: Vec<String>,
    /// Foreign origins whose pages may show the page in a frame.
    pub allowed_frames: Vec<String>,
    /// The URL by which the outside reaches the daemon, behind a proxy: its host and its origin are allowed.
    pub public_url: Option<String>,
    /// Secrets that open the list and the records of all sessions, as `Authorization: Bearer`.
    pub admin_tokens: Vec<String>,
    /// The ICE servers for clients.
    pub ice_servers: IceServers,
    /// How long an answer waits for the daemon's candidates where the client cannot get them later.
    pub gather_wait: Duration,
    /// Bytes of a request's body.
    pub body_limit: usize,
    /// Sessions that one address may open in a burst.
    pub session_burst: u32,
    /// After its burst an address may open one session per this time.
    pub session_interval: Duration,
}

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// The same ICE servers for every request.
pub fn fixed_ice_servers(servers: Vec<IceServer>) -> IceServers {
    Arc::new(move |_, _| servers.clone())
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8085))],
            tls: None,
            max_connections: 512,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            allowed_frames: Vec::new(),
            public_url: None,
            admin_tokens: Vec::new(),
            ice_servers: fixed_ice_servers(Vec::new()),
            // Host candidates are there within milliseconds; a STUN server on another continent within this.
            gather_wait: Duration::from_millis(500),
            // The largest offers seen, with simulcast and every codec of Chromium, stay below 20 KiB.
            body_limit: 64 * 1024,
            session_burst: 30,
            session_interval: Duration::from_millis(200),
        }
    }
}

/// Leaves the secrets out.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("tls", &self.tls)
            .field("max_connections", &self.max_connections)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("allowed_origins", &self.allowed_origins)
            .field("allowed_frames", &self.allowed_frames)
            .field("public_url", &self.public_url)
            .field("admin_tokens", &self.admin_tokens.len())
            .field("gather_wait", &self.gather_wait)
            .field("body_limit", &self.body_limit)
            .field("session_burst", &self.session_burst)
            .field("session_interval", &self.session_interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let options = Options { admin_tokens: vec!["s3cret".into()], ..Options::default() };
        assert!(!format!("{options:?}").contains("s3cret"));
    }
}
