//! `[server]`: the HTTP side.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::{Host, Origin, PublicUrl};
use crate::reader::Item;
use crate::secret::{self, Secret};
use crate::table::Table;

/// A longer wait would be a fixed sleep in disguise: clients give up on the request.
const MAX_GATHER_WAIT: Duration = Duration::from_secs(5);
/// Short tokens can be guessed over the network.
const MIN_TOKEN: usize = 16;
/// Certificate chains of real authorities take some tens of KiB.
const MAX_CERTIFICATE: u64 = 1 << 20;
const ADDRESS: &str =
    "an address with its port, such as \"127.0.0.1:8085\" or \"[::1]:8085\" (port 0: any free one)";

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens; at least one. Port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// Under which URL browsers reach it.
    pub public_url: Option<PublicUrl>,
    /// Hosts by which the daemon may be called, beside the address that was connected to, `localhost`, the loopback
    /// addresses and the host of `public_url`. One without port stands for every port.
    pub allowed_hosts: Vec<Host>,
    /// Foreign origins that may use the API (CORS). The daemon's own needs no entry.
    pub allowed_origins: Vec<Origin>,
    /// Foreign origins whose pages may show the page in a frame. The daemon's own needs no entry.
    pub allowed_frames: Vec<Origin>,
    /// HTTPS instead of HTTP.
    pub tls: Option<Tls>,
    /// Tokens of administrators.
    pub tokens: Vec<Secret>,
    /// How long an answer waits for own candidates, for a client that does not trickle.
    pub gather_wait: Duration,
}

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8085))],
            public_url: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            allowed_frames: Vec::new(),
            tls: None,
            tokens: Vec::new(),
            gather_wait: Duration::from_millis(100),
        }
    }
}

impl Server {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let origins = |item: &Item<'_>| {
            item.list("[\"https://page.example.net\"]", |item| {
                item.parsed("\"https://page.example.net\"", Origin::parse)
            })
        };
        let hosts = |item: &Item<'_>| {
            item.list("[\"robot.local\"]", |item| item.parsed("\"robot.local\"", Host::parse))
        };
        let server = Self {
            listen: table.or("listen", default.listen, addresses_with_ports),
            public_url: table
                .optional("public-url", |item| item.parsed("\"https://robot.example.net\"", Origin::parse)),
            allowed_hosts: table.or("allowed-hosts", default.allowed_hosts, hosts),
            allowed_origins: table.or("allowed-origins", default.allowed_origins, origins),
            allowed_frames: table.or("allowed-frames", default.allowed_frames, origins),
            tls: Tls::read(&table.table("tls")),
            tokens: table
                .or("tokens", default.tokens, |item| item.list("[\"/etc/icescope/admin.token\"]", token)),
            gather_wait: table.or("gather-wait", default.gather_wait, |item| {
                item.duration(&(Duration::ZERO..=MAX_GATHER_WAIT))
            }),
        };
        table.finish();
        server
    }
}

/// One address to listen on, or several.
pub(crate) fn addresses_with_ports(item: &Item<'_>) -> Option<Vec<SocketAddr>> {
    let address = |item: &Item<'_>| {
        item.parsed(ADDRESS, |text| text.parse().map_err(|_| "is not an address with a port".to_owned()))
    };
    let list: Vec<SocketAddr> = match item.value().as_str() {
        Some(_) => vec![address(item)?],
        None => item.list(ADDRESS, address)?,
    };
    if list.is_empty() {
        return item.fail("this list is empty: nothing would be listened on", format!("write {ADDRESS}"));
    }
    match list
        .iter()
        .enumerate()
        .find(|(index, address)| address.port() != 0 && list[..*index].contains(address))
    {
        Some((_, twice)) => item.fail(format!("{twice} stands here twice"), "take one of the two out"),
        None => Some(list),
    }
}

fn token(item: &Item<'_>) -> Option<Secret> {
    let token = secret::secret_file(item)?;
    // It travels in an HTTP header (RFC 6750 §2.1).
    let fit = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if token.expose().len() < MIN_TOKEN || !fit {
        return item.fail(
            format!("the token in this file is not made of at least {MIN_TOKEN} visible ASCII characters"),
            "make one: openssl rand -hex 32",
        );
    }
    Some(token)
}

impl Tls {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        if !table.is_there() {
            return None;
        }
        let certificate =
            table.required("certificate", "add certificate = \"/PATH/TO/fullchain.pem\"", |item| {
                let path = secret::file_path(item)?;
                read_certificates(item, &path).map(|_| path)
            });
        let key = table.required("key", "add key = \"/PATH/TO/privkey.pem\"", |item| {
            let path = secret::file_path(item)?;
            let text = secret::read_private(item, &path)?;
            has_pem(item, &text, "PRIVATE KEY").then_some(path)
        });
        table.finish();
        Some(Self { certificate: certificate?, key: key? })
    }
}

/// The text of a PEM file that has at least one certificate.
pub(crate) fn read_certificates(item: &Item<'_>, path: &Path) -> Option<String> {
    let text = secret::read_public(item, path, MAX_CERTIFICATE)?;
    has_pem(item, &text, "CERTIFICATE").then_some(text)
}

/// Whether a PEM file (RFC 7468) has a block of this kind.
fn has_pem(item: &Item<'_>, text: &str, kind: &str) -> bool {
    let found = text
        .lines()
        .any(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{kind}-----")));
    if !found {
        item.fail::<()>(format!("the file has no PEM block «{kind}»"), "name the right file, in PEM format");
    }
    found
}
