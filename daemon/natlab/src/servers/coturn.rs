//! coturn as Debian has it: STUN with RFC 5780 (two addresses), TURN over UDP, TCP and TLS.

use std::collections::VecDeque;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::process::Process;
use crate::site::Site;

/// The last lines of its output that are kept, for error messages and tests.
const KEPT_LINES: usize = 500;

/// How a coturn is to be.
#[derive(Debug, Clone)]
pub struct CoturnOptions {
    /// Port for UDP and TCP; with RFC 5780 the next one is used, too.
    pub port: u16,
    /// Ports that listen for UDP and TCP beside it, without RFC 5780.
    pub more_ports: Vec<u16>,
    /// The long-term credential: user and password. None: STUN only.
    pub user: Option<(String, String)>,
    /// The shared secret of the TURN REST API, in place of `user`: whoever has it makes credentials that end.
    pub secret: Option<String>,
    /// The realm of the credential.
    pub realm: String,
    /// A certificate and its key, PEM: TLS and DTLS at port 5349.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether it listens at both addresses, which RFC 5780 takes.
    pub two_addresses: bool,
    /// More arguments, as they are.
    pub arguments: Vec<String>,
}

impl Default for CoturnOptions {
    fn default() -> Self {
        Self {
            port: 3478,
            more_ports: Vec::new(),
            user: Some(("icescope".to_owned(), "lab".to_owned())),
            secret: None,
            realm: "lab.example".to_owned(),
            tls: None,
            two_addresses: true,
            arguments: Vec::new(),
        }
    }
}

/// A running coturn; it ends when this is dropped.
#[derive(Debug)]
pub struct Coturn {
    // Before the reader, which ends when the process does.
    process: Option<Process>,
    reader: Option<JoinHandle<()>>,
    said: Arc<Mutex<VecDeque<String>>>,
    addresses: Vec<SocketAddr>,
    site: Site,
    // Its configuration and its user database.
    _folder: tempfile::TempDir,
}

impl Coturn {
    /// Starts it on a host and waits until every address listens.
    pub fn start(site: Site, options: &CoturnOptions) -> Result<Self> {
        let count = if options.two_addresses { 2 } else { 1 };
        let all = site.addresses();
        let v4 = all.public_v4.iter().copied().take(count).map(IpAddr::V4);
        let ips: Vec<IpAddr> = v4.chain(all.v6.iter().copied().take(count).map(IpAddr::V6)).collect();
        let addresses = ips.iter().map(|&ip| SocketAddr::new(ip, options.port)).collect();

        let folder = tempfile::tempdir().map_err(Error::io("make a folder for coturn"))?;
        let file = folder.path().join("turnserver.conf");
        std::fs::write(&file, configuration(&ips, options, folder.path().display()))
            .map_err(Error::io(format!("write {}", file.display())))?;
        let mut command = site.command("turnserver");
        command.arg("-c").arg(&file).args(&options.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir(folder.path());
        let mut process = Process::start(command).map_err(Error::io("start turnserver (Debian: coturn)"))?;

        let (up, is_up) = sync_channel(1);
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let reader = process.child().stdout.take().map(|output| {
            let (said, awaited) = (Arc::clone(&said), awaited(&ips, options));
            std::thread::spawn(move || listen(BufReader::new(output), &said, awaited, &up))
        });
        let coturn = Self { process: Some(process), reader, said, addresses, site, _folder: folder };
        // The reader hangs up when coturn ends before it listens.
        match is_up.recv() {
            Ok(()) => Ok(coturn),
            Err(_) => Err(Error::Server { server: "coturn".to_owned(), said: coturn.said().join("\n") }),
        }
    }

    /// Where it listens, the main port: IPv4 addresses first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its host.
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// Its process id; `None` once it was dropped.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// The last lines of its output.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        drop(self.process.take());
        if let Some(reader) = self.reader.take() {
            // It panicked if this fails: its message is out, and there is nobody left to tell.
            let _ = reader.join();
        }
    }
}

fn configuration(ips: &[IpAddr], options: &CoturnOptions, folder: impl std::fmt::Display) -> String {
    let mut text = format!(
        "listening-port={}\nrealm={}\nuserdb={folder}/turndb\npidfile={folder}/pid\n\
         log-file=stdout\nverbose\nno-cli\nfingerprint\n",
        options.port, options.realm
    );
    for ip in ips {
        let _ = writeln!(text, "listening-ip={ip}\nrelay-ip={ip}");
        for port in &options.more_ports {
            let _ = writeln!(text, "aux-server={}", SocketAddr::new(*ip, *port));
        }
    }
    match (&options.secret, &options.user) {
        (Some(secret), _) => {
            let _ = writeln!(text, "use-auth-secret\nstatic-auth-secret={secret}");
        }
        (None, Some((user, password))) => {
            let _ = writeln!(text, "lt-cred-mech\nuser={user}:{password}");
        }
        (None, None) => text.push_str("stun-only\n"),
    }
    match &options.tls {
        Some((certificate, key)) => {
            let _ = writeln!(text, "cert={}\npkey={}", certificate.display(), key.display());
        }
        None => text.push_str("no-tls\nno-dtls\n"),
    }
    text
}

/// What it says once everything listens.
fn awaited(ips: &[IpAddr], options: &CoturnOptions) -> Vec<String> {
    let mut awaited = vec!["Total General servers: ".to_owned()];
    for ip in ips {
        for port in std::iter::once(&options.port).chain(&options.more_ports) {
            awaited.push(format!("UDP listener opened on: {ip}:{port}\n"));
            awaited.push(format!("TCP listener opened on : {ip}:{port}\n"));
        }
    }
    awaited
}

/// Reads its output to the end, so that it never waits for us, and tells once when all that is awaited was said.
fn listen(
    mut output: impl BufRead,
    said: &Mutex<VecDeque<String>>,
    mut awaited: Vec<String>,
    up: &SyncSender<()>,
) {
    let mut line = String::new();
    while output.read_line(&mut line).is_ok_and(|length| length > 0) {
        if !awaited.is_empty() {
            awaited.retain(|words| !line.contains(words));
            if awaited.is_empty() {
                // Nobody waits if the one who started it is gone.
                let _ = up.try_send(());
            }
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == KEPT_LINES {
            said.pop_front();
        }
        said.push_back(line.trim_end().to_owned());
        line.clear();
    }
}
