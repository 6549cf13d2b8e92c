//! Debian's coturn on a free port of loopback, for one test; ended when it is dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The test's user, and the password that must not be found anywhere.
pub const USER: &str = "alice";
pub const PASSWORD: &str = "a-password-to-be-looked-for";
pub const REALM: &str = "icescope.test";

/// How long an event is waited for before the test gives up.
const LIMIT: Duration = Duration::from_secs(20);

/// A running server.
pub struct Coturn {
    child: Child,
    log: Arc<(Mutex<Vec<String>>, Condvar)>,
    reader: Option<std::thread::JoinHandle<()>>,
    pub port: u16,
    pub tls_port: u16,
    address: IpAddr,
    _folder: TempDir,
}

/// Certificate chain and key for TLS, PEM.
pub struct Tls<'a> {
    pub chain: &'a str,
    pub key: &'a str,
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("turnserver"))
        .find(|program| program.is_file())
}

/// A port that is free for UDP and for TCP just now, and that nobody is given by chance: below the system's ephemeral ports
/// (32768) and coturn's relay ports. Each test process has a hundred of its own, as far as there are enough.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = 10_000 + std::process::id() % 220 * 100;
    (0..100)
        .find_map(|_| {
            let port = u16::try_from(first + NEXT.fetch_add(1, Ordering::Relaxed) % 100).ok()?;
            let _tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
        })
        .expect("a free port")
}

impl Coturn {
    /// Starts a server with the usual user; `None`, and loudly so, where coturn is not installed.
    pub fn start(options: &[&str]) -> Option<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), options)
    }

    /// As [`Coturn::start`], on another address than loopback's.
    pub fn start_at(address: IpAddr, options: &[&str]) -> Option<Self> {
        let user = format!("{USER}:{PASSWORD}");
        let mut all = vec!["--lt-cred-mech", "--user", user.as_str(), "--allow-loopback-peers"];
        all.extend(options);
        Self::start_with(address, &all, None)
    }

    /// As [`Coturn::start`], with TLS.
    pub fn start_tls(tls: &Tls<'_>) -> Option<Self> {
        let user = format!("{USER}:{PASSWORD}");
        Self::start_bare(&["--lt-cred-mech", "--user", &user, "--allow-loopback-peers"], Some(tls))
    }

    /// Starts a server with these options and what every one of the tests needs.
    pub fn start_bare(options: &[&str], tls: Option<&Tls<'_>>) -> Option<Self> {
        Self::start_with(Ipv4Addr::LOCALHOST.into(), options, tls)
    }

    fn start_with(address: IpAddr, options: &[&str], tls: Option<&Tls<'_>>) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!(
                "SKIPPED: coturn's turnserver is not installed; nothing was tested (apt-get install coturn)"
            );
            assert!(
                std::env::var_os("CI").is_none(),
                "CI has to run this test, and coturn's turnserver is not installed"
            );
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let (port, tls_port) = (free_port(), free_port());
        let mut command = Command::new(program);
        command
            .args(["-n", "--no-cli", "--simple-log", "--log-file", "stdout", "--verbose"])
            .args(["--listening-ip", &address.to_string(), "--realm", REALM])
            .args(["--listening-port", &port.to_string(), "--tls-listening-port", &tls_port.to_string()])
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .arg("--userdb")
            .arg(folder.path().join("turndb"));
        match tls {
            Some(tls) => {
                let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
                fs::write(&cert, tls.chain).expect("a certificate");
                fs::write(&key, tls.key).expect("a key");
                command.arg("--cert").arg(cert).arg("--pkey").arg(key).arg("--no-dtls");
            }
            None => drop(command.args(["--no-tls", "--no-dtls"])),
        }
        if !options.contains(&"--relay-ip") {
            command.args(["--relay-ip", &address.to_string()]);
        }
        command.args(options).current_dir(folder.path());
        Some(Self::spawn(command, folder, address, (port, tls_port)))
    }

    fn spawn(mut command: Command, folder: TempDir, address: IpAddr, (port, tls_port): (u16, u16)) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver starts");
        let log = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                written.1.notify_all();
            }
        });
        let server = Self { child, log, reader: Some(reader), port, tls_port, address, _folder: folder };
        server.until_it_answers();
        server
    }

    /// Waits until it takes TCP connections and answers Binding over UDP.
    fn until_it_answers(&self) {
        let end = Instant::now() + LIMIT;
        let any = if self.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).expect("a socket");
        socket.connect((self.address, self.port)).expect("a route");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit");
        // RFC 8489 §5: a Binding request without attributes.
        let mut request = [0_u8; 20];
        request[1] = 1;
        request[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
        while Instant::now() < end {
            // Until the port is open each send is answered by ICMP at once, which the next call tells.
            let _ = socket.send(&request);
            if socket.recv(&mut [0; 512]).is_ok() {
                return;
            }
        }
        panic!("turnserver does not answer:\n{}", self.text());
    }

    /// Its log so far.
    pub fn text(&self) -> String {
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Waits until its log says that all allocations that there were are deleted.
    pub fn until_all_are_deleted(&self) {
        let count = |lines: &[String], word: &str| lines.iter().filter(|line| line.contains(word)).count();
        let some_left = |lines: &[String]| count(lines, ": new, realm=") > count(lines, ": delete: realm=");
        let lines = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(count(&lines, ": new, realm=") > 0, "there was none:\n{}", lines.join("\n"));
        let (lines, late) = self
            .log
            .1
            .wait_timeout_while(lines, LIMIT, |lines| some_left(lines))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "turnserver keeps an allocation:\n{}", lines.join("\n"));
    }

    /// `turn:` with a transport.
    pub fn url(&self, transport: &str) -> String {
        format!("turn:{}?transport={transport}", SocketAddr::from((self.address, self.port)))
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        // It has no state worth a gentle end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
