//! Starting and ending child processes.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::unix::AsyncFd;

use crate::options::Options;
use crate::socket;

/// What a child sees of the daemon's environment: where libraries keep their caches and how text and time are written.
const ENVIRONMENT: [&str; 6] = ["HOME", "XDG_CACHE_HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// How long a child whose socket is closed may take to be gone by itself, so that its real end can be told.
const LINGER: Duration = Duration::from_millis(500);

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pidfd: AsyncFd<OwnedFd>,
    reaped: Option<ExitStatus>,
}

/// A child just started, its control socket, and what it writes.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) socket: UnixStream,
    pub(crate) stderr: Option<ChildStderr>,
}

type Job = Box<dyn FnOnce() + Send>;

/// Children are started from one thread that never ends: the kernel sends a child its parent-death signal when the
/// *thread* that made it ends, and the runtime's threads come and go.
static SPAWNER: LazyLock<Mutex<Option<Sender<Job>>>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    let thread = std::thread::Builder::new().name("plugin-spawner".to_owned()).spawn(move || {
        for job in jobs {
            job();
        }
    });
    Mutex::new(thread.is_ok().then_some(sender))
});

async fn spawn(mut command: Command) -> io::Result<Child> {
    let (answer, spawned) = tokio::sync::oneshot::channel();
    let job: Job = Box::new(move || {
        // Whoever asked may have gone away meanwhile; then nobody must be left running.
        if let Err(Ok(mut child)) = answer.send(command.spawn()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    });
    let sender = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let gone = || io::Error::other("the thread that starts processes could not be made");
    sender.ok_or_else(gone)?.send(job).map_err(|_| gone())?;
    spawned.await.map_err(|_| gone())?
}

/// Starts a child with a clean environment and one descriptor beside its output: the control socket.
pub(crate) async fn start(options: &Options) -> io::Result<Started> {
    let (ours, theirs) = socket::pair()?;
    let (program, arguments) = &options.host_command;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    for name in ENVIRONMENT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A process group of its own: an interrupt from the terminal is the daemon's to handle.
    command.current_dir("/").process_group(0);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = spawn(command).await.map_err(|error| {
        io::Error::new(error.kind(), format!("{} cannot be started: {error}", program.display()))
    })?;
    let stderr = child.stderr.take();
    let pidfd = pid(&child)
        .and_then(|pid| Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?))
        .and_then(socket::watch);
    let pidfd = match pidfd {
        Ok(pidfd) => pidfd,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
    };
    Ok(Started { process: Process { child, pidfd, reaped: None }, socket: ours, stderr })
}

fn pid(child: &Child) -> io::Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process id"))
}

impl Process {
    /// The child's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the child has ended.
    pub(crate) async fn ended(&self) {
        // An error would mean that the descriptor is none: then waiting would never end.
        let _ = self.pidfd.readable().await;
    }

    /// Sends SIGKILL to the child and all that it started in its group.
    fn kill(&mut self) {
        if self.reaped.is_some() {
            return;
        }
        // Before it is reaped its id, and so its group's, cannot be another's.
        if let Ok(pid) = pid(&self.child) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        // If the group could not be killed the child may not be in it yet.
        let _ = self.child.kill();
    }

    fn reap(&mut self) -> ExitStatus {
        // SIGKILL was sent: this waits for the kernel only.
        *self
            .reaped
            .get_or_insert_with(|| self.child.wait().unwrap_or_else(|_| ExitStatus::from_raw(libc::SIGKILL)))
    }

    /// The end of a child that closed its socket, in words: waits a moment for it, then kills it.
    pub(crate) async fn end(&mut self) -> String {
        let by_itself = tokio::time::timeout(LINGER, self.ended()).await.is_ok();
        let status = self.end_now().await;
        if by_itself {
            in_words(status)
        } else {
            "it closed its control socket, and its process was killed".to_owned()
        }
    }

    /// Kills the child; how it ended.
    pub(crate) async fn end_now(&mut self) -> ExitStatus {
        self.kill();
        self.ended().await;
        self.reap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.reap();
    }
}

/// How a child ended, in words.
fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("its process exited with code {code}"),
        (None, Some(signal)) => format!("its process was ended by {}", signal_name(signal)),
        (None, None) => "its process ended".to_owned(),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGABRT => "SIGABRT (abort)",
        libc::SIGSEGV => "SIGSEGV (bad memory access)",
        libc::SIGBUS => "SIGBUS (bad memory access)",
        libc::SIGILL => "SIGILL (illegal instruction)",
        libc::SIGFPE => "SIGFPE (arithmetic error)",
        libc::SIGKILL => "SIGKILL (killed; if not by you, the kernel may have run out of memory)",
        libc::SIGTERM => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
