//! The daemon as its manager sees it, and a bare HTTP client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Far more than any step takes: only a hung daemon meets it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon; it ends with this.
pub struct Service {
    pub child: Child,
    socket: UnixDatagram,
    pub config: PathBuf,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

impl Service {
    /// Starts it with this configuration.
    pub fn start(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let (file, log) = (directory.path().join("icescope.toml"), directory.path().join("log"));
        std::fs::write(&file, config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_icescope"))
            .args(["run", "--config"])
            .arg(&file)
            .env("NOTIFY_SOCKET", &path)
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, socket, config: file, log, _directory: directory }
    }

    /// Waits for a message that has the line `wanted`; returns the whole message.
    pub fn told(&self, wanted: &str) -> String {
        let mut buffer = [0; 4_096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|error| {
                panic!("no {wanted}: {error}\n{}", self.log());
            });
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line == wanted) {
                return message;
            }
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Stops it as its manager does; its log.
    pub fn stop(mut self) -> String {
        self.signal("TERM");
        self.told("STOPPING=1");
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.log());
        self.log()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a READY message: `STATUS=Open http://127.0.0.1:41234`.
pub fn address(message: &str) -> String {
    message.split("http://").nth(1).expect("the status has the address").trim().to_owned()
}

/// The whole answer to a GET.
pub fn get(address: &str, path: &str) -> String {
    ask(address, "GET", path, "")
}

/// The whole answer to a request; `headers` end their lines themselves.
pub fn ask(address: &str, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let lines = "Connection: close\r\nContent-Length: 0\r\n";
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{lines}{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Writes another configuration.
pub fn rewrite(path: &Path, content: &str) {
    std::fs::write(path, content).unwrap();
}

/// Any free address.
pub const GOOD: &str = "[server]\nlisten = \"127.0.0.1:0\"\n";
