//! The daemon as a service: what it tells its manager (sd_notify(3)), and what signals do.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Far more than any step takes: only a hung daemon meets it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Service {
    child: Child,
    socket: UnixDatagram,
    config: PathBuf,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

impl Service {
    fn start(config: &str) -> Self {
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
    fn told(&self, wanted: &str) -> String {
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

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    fn stop(mut self) -> String {
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
fn address(message: &str) -> String {
    message.split("http://").nth(1).expect("the status has the address").trim().to_owned()
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn rewrite(path: &Path, content: &str) {
    std::fs::write(path, content).unwrap();
}

const GOOD: &str = "[server]\nlisten = \"127.0.0.1:0\"\n";

#[test]
fn it_is_ready_when_it_answers_and_stops_cleanly() {
    let service = Service::start(GOOD);
    let ready = service.told("READY=1");
    assert!(get(&address(&ready), "/api/health").starts_with("HTTP/1.1 200"));
    let log = service.stop();
    assert!(log.contains("listens: open http://127.0.0.1:"), "{log}");
}

#[test]
fn a_bad_file_changes_nothing_on_reload_and_a_good_one_is_taken() {
    let service = Service::start(GOOD);
    let ready = service.told("READY=1");
    rewrite(&service.config, "[server]\nlisten = 7\n");
    service.signal("HUP");
    service.told("RELOADING=1");
    service.told("READY=1");
    let log = service.log();
    assert!(log.contains("the old one stays in force") && log.contains("server.listen"), "{log}");
    assert!(get(&address(&ready), "/api/health").starts_with("HTTP/1.1 200"));

    let plugin = "\n[[plugin]]\nname = \"gone\"\npath = \"/nowhere/gone.so\"\n";
    rewrite(&service.config, &format!("[server]\nlisten = \"127.0.0.1:1\"\n{plugin}"));
    service.signal("HUP");
    service.told("RELOADING=1");
    service.told("READY=1");
    let log = service.log();
    assert!(log.contains("server.listen has changed, but takes effect only after a restart"), "{log}");
    assert!(get(&address(&ready), "/api/plugins").contains("\"gone\""), "the new plugin is listed");
    service.stop();
}

#[test]
fn a_port_that_is_taken_ends_it_with_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut service = Service::start(&format!("[server]\nlisten = \"{address}\"\n"));
    assert_eq!(service.child.wait().unwrap().code(), Some(1));
    let log = service.log();
    assert!(log.contains(&address.to_string()) && log.contains("Address already in use"), "{log}");
}

/// Asks until the answer is as wanted. Each answer is the daemon's own word that it is not yet.
fn until(address: &str, path: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let began = std::time::Instant::now();
    loop {
        let answer = get(address, path);
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        if wanted(&body) {
            return body;
        }
        assert!(began.elapsed() < PATIENCE, "this never came; last: {body:#}");
        std::thread::yield_now();
    }
}

#[test]
fn probes_run_at_start_and_those_that_a_reload_brings_when_they_come_up() {
    let folder = tempfile::tempdir().unwrap();
    let library = common::probe_in_c(folder.path());
    let one = format!("{GOOD}{}", common::plugin("one", &library));
    let service = Service::start(&one);
    let address = address(&service.told("READY=1"));
    let ran = |probe: &serde_json::Value| {
        probe["run"]["outcome"] == "pass" && probe["reports"][0]["document"].is_object()
    };
    let first = until(&address, "/api/probes", |all| ran(&all["probes"][0]));
    let probe = &first["probes"][0];
    assert_eq!((&probe["instance"], &probe["probe"]), (&"one".into(), &"Host facts, in C".into()));
    assert_eq!(probe["run"]["trigger"], "start");
    assert_eq!(probe["run"]["steps"][0]["schema"], "org.example.host.clock/1");

    rewrite(&service.config, &format!("{one}{}", common::plugin("two", &library)));
    service.signal("HUP");
    service.told("READY=1");
    let both = until(&address, "/api/probes", |all| ran(&all["probes"][1]));
    assert_eq!(
        both["probes"][0]["past"].as_array().map(Vec::len),
        Some(1),
        "the first one had no reason to run again"
    );
    service.stop();
}
