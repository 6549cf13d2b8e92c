//! A network namespace that lives as long as this handle, or this process, does.
//!
//! Nothing but an open file holds it: there is no name under `/run/netns` and no process inside, so that the kernel takes it
//! away, with its interfaces, rules and connections, however the test ends.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, Result};

/// A network namespace. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Namespace {
    link: Arc<File>,
}

impl Namespace {
    /// Makes an empty namespace with its loopback up.
    pub fn new() -> Result<Self> {
        // The child only lends us its namespace: it answers one byte from inside, and ends when its input does.
        let mut child = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::io("start unshare (util-linux)"))?;
        let mut byte = [0];
        let answered = match (child.stdin.as_mut(), child.stdout.as_mut()) {
            (Some(input), Some(output)) => {
                input.write_all(b"\n").and_then(|()| output.read_exact(&mut byte)).is_ok()
            }
            _ => false,
        };
        let link = answered.then(|| File::open(format!("/proc/{}/ns/net", child.id())));
        drop(child.stdin.take());
        let output = child.wait_with_output().map_err(Error::io("wait for unshare"))?;
        let link = link
            .ok_or_else(|| Error::NotAllowed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))?
            .map_err(Error::io("open the namespace of a child"))?;
        let new = Self { link: Arc::new(link) };
        new.ip("link set lo up\n")?;
        Ok(new)
    }

    /// Runs `work` on a thread inside and waits for it. What it starts (threads, processes, sockets) is inside, too.
    ///
    /// A panic of `work` goes on in the caller.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("natlab".to_owned())
                .spawn_scoped(scope, || self.enter().map(|()| work()))
                .map_err(Error::io("start a thread"))?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread inside, for good: only for threads that were started for it.
    pub(crate) fn enter(&self) -> Result<()> {
        move_into_link_name_space(self.link.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|errno| Error::io("enter a network namespace")(errno.into()))
    }

    /// Where other programs of this user find the namespace, while this process lives.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.link.as_raw_fd()))
    }

    /// A command that will run inside. It is killed when the *thread* that starts it ends (`PR_SET_PDEATHSIG`), so that a test
    /// leaves no process behind.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter"]);
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// A UDP socket inside, to be used from anywhere: a socket stays in the namespace that it was made in.
    pub fn udp(&self, address: impl Into<SocketAddr>) -> Result<UdpSocket> {
        let address = address.into();
        self.run(move || UdpSocket::bind(address))?
            .map_err(Error::io(format!("bind UDP {address} in a namespace")))
    }

    /// A listening TCP socket inside.
    pub fn tcp_listener(&self, address: impl Into<SocketAddr>) -> Result<TcpListener> {
        let address = address.into();
        self.run(move || TcpListener::bind(address))?
            .map_err(Error::io(format!("listen on TCP {address} in a namespace")))
    }

    /// Sets one kernel parameter of the namespace, as `net/ipv4/ip_forward`.
    pub(crate) fn sysctl(&self, settings: &[(&str, &str)]) -> Result<()> {
        self.run(|| {
            for (key, value) in settings {
                // /proc/sys/net shows the namespace of the thread that asks.
                std::fs::write(format!("/proc/sys/{key}"), value)
                    .map_err(Error::io(format!("set {key} to {value}")))?;
            }
            Ok(())
        })?
    }

    /// Runs lines of `ip -batch`.
    pub(crate) fn ip(&self, lines: &str) -> Result<()> {
        self.feed(&["ip", "-batch", "-"], lines)
    }

    /// Loads a ruleset.
    pub(crate) fn nft(&self, rules: &str) -> Result<()> {
        self.feed(&["nft", "-f", "-"], rules)
    }

    /// Runs one `tc` command.
    pub(crate) fn tc(&self, words: &str) -> Result<()> {
        let words: Vec<&str> = std::iter::once("tc").chain(words.split_whitespace()).collect();
        self.feed(&words, "")
    }

    fn feed(&self, words: &[&str], input: &str) -> Result<()> {
        self.run(|| {
            let tried = || format!("run {}", words[0]);
            let mut child = Command::new(words[0])
                .args(&words[1..])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(Error::io(tried()))?;
            if let Some(mut stdin) = child.stdin.take() {
                // A program that ended early tells why in its own words, below.
                let _ = stdin.write_all(input.as_bytes());
            }
            let output = child.wait_with_output().map_err(Error::io(tried()))?;
            if output.status.success() {
                return Ok(());
            }
            Err(Error::Command {
                command: words.join(" "),
                status: output.status,
                stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                input: input.to_owned(),
            })
        })?
    }
}
