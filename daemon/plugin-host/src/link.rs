//! The daemon's end of a plugin: one call at a time over the control socket, whether the driver at the other end is in
//! a child process or in the daemon.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ChildStderr;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::plugin::Isolation;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::driver::{self, Where};
use crate::options::Options;
use crate::proto::{Answer, CallError, Command, Decoder, Note, encode};
use crate::socket;
use crate::spawn::{self, Process};
use crate::voice::Voice;

/// How long the daemon waits for a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// After this it counts as hung.
    pub(crate) deadline: Duration,
    /// How long it may still wind up once it is not wanted any more.
    pub(crate) hurry: Duration,
}

/// How long a call may still wind up once the daemon wants to be rid of the plugin.
const HURRY: Duration = Duration::from_secs(1);

impl From<Duration> for Patience {
    fn from(deadline: Duration) -> Self {
        Self { deadline, hurry: HURRY }
    }
}

/// Notes on their way to the supervisor; a driver that says more has to wait.
const NOTES: usize = 64;

/// A plugin's driver, running.
#[derive(Debug)]
pub(crate) struct Link {
    socket: Arc<UnixStream>,
    notes: mpsc::Receiver<Note>,
    process: Option<Process>,
    /// The readers; they end with the link.
    _readers: JoinSet<()>,
}

/// Why a call brought no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The plugin, or its driver, answered that it cannot.
    Refused(CallError),
    /// The plugin is gone; how, in words.
    Crashed(String),
    /// The call did not return in time; which, in words.
    Hung(String),
}

impl Link {
    /// Starts a driver.
    pub(crate) async fn start(
        isolation: Isolation,
        options: &Options,
        voice: &Arc<Voice>,
    ) -> io::Result<Self> {
        let mut readers = JoinSet::new();
        let (socket, process) = match isolation {
            Isolation::Process => {
                let started = spawn::start(options).await?;
                if let Some(stderr) = started.stderr {
                    readers.spawn(read_prints(stderr, Arc::clone(voice)));
                }
                (started.socket, Some(started.process))
            }
            Isolation::InProcess => {
                let (ours, theirs) = socket::pair()?;
                std::thread::Builder::new().name("plugin-driver".to_owned()).spawn(move || {
                    if let Err(error) = driver::serve(theirs, Where::InProcess) {
                        tracing::error!(%error, "a plugin's driver ended");
                    }
                })?;
                (ours, None)
            }
        };
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UnixStream::from_std(socket)?);
        let (sender, notes) = mpsc::channel(NOTES);
        readers.spawn(read_notes(Arc::clone(&socket), sender, Arc::clone(voice)));
        Ok(Self { socket, notes, process, _readers: readers })
    }

    /// The child's process id, if there is a child.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// The next note; `None` once the plugin is gone.
    pub(crate) async fn next(&mut self) -> Option<Note> {
        let Some(process) = &self.process else { return self.notes.recv().await };
        tokio::select! {
            biased;
            note = self.notes.recv() => note,
            // A process that the plugin started may hold the socket open.
            () = process.ended() => tokio::time::timeout(Duration::from_millis(100), self.notes.recv()).await.ok().flatten(),
        }
    }

    /// Makes a call; notes that come before its answer go to `aside`.
    pub(crate) async fn call(
        &mut self,
        command: Command,
        descriptors: &[BorrowedFd<'_>],
        patience: impl Into<Patience>,
        stop: &CancellationToken,
        mut aside: impl FnMut(Note),
    ) -> Result<Answer, Failure> {
        let Patience { deadline, hurry } = patience.into();
        let name = command.name();
        let mut until = Instant::now() + deadline;
        let mut hurried = false;
        if let Err(failure) = self.send(&command, descriptors, until).await {
            return Err(self.fallen(name, failure).await);
        }
        loop {
            tokio::select! {
                biased;
                note = self.next() => match note {
                    Some(Note::Answer(answer)) => return answer.map_err(Failure::Refused),
                    Some(note) => aside(note),
                    None => return Err(self.fallen(name, None).await),
                },
                () = stop.cancelled(), if !hurried => {
                    hurried = true;
                    until = until.min(Instant::now() + hurry);
                    self.cancel().await;
                }
                () = tokio::time::sleep_until(until) => return Err(self.hung(name, deadline).await),
            }
        }
    }

    /// Asks the call that runs now to wind up.
    pub(crate) async fn cancel(&mut self) {
        // If it cannot be sent the plugin is gone, which the next read tells.
        let _ = self.send(&Command::Cancel, &[], Instant::now() + HURRY).await;
    }

    async fn send(
        &mut self,
        command: &Command,
        descriptors: &[BorrowedFd<'_>],
        until: Instant,
    ) -> Result<(), Option<String>> {
        let bytes = encode(command).map_err(|error| Some(error.to_string()))?;
        let sending = async {
            let mut sent = 0;
            while sent < bytes.len() {
                self.socket.writable().await?;
                let beside = if sent == 0 { descriptors } else { &[] };
                let send = || socket::send(self.socket.as_fd(), &bytes[sent..], beside);
                match self.socket.try_io(tokio::io::Interest::WRITABLE, send) {
                    Ok(more) => sent += more,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match tokio::time::timeout_at(until, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some("it does not read its control socket".to_owned())),
        }
    }

    /// What became of a plugin that is gone.
    async fn fallen(&mut self, call: &str, why: Option<String>) -> Failure {
        let ended = match (&mut self.process, why) {
            (_, Some(why)) => why,
            (Some(process), None) => process.end().await,
            (None, None) => "its driver ended".to_owned(),
        };
        Failure::Crashed(format!("{ended} during `{call}`"))
    }

    /// What became of a plugin that is gone between calls.
    pub(crate) async fn gone(&mut self) -> String {
        match &mut self.process {
            Some(process) => process.end().await,
            None => "its driver ended".to_owned(),
        }
    }

    async fn hung(&mut self, call: &str, deadline: Duration) -> Failure {
        let what = format!("`{call}` did not return within {} s", deadline.as_secs_f32());
        match &mut self.process {
            Some(process) => {
                process.end_now().await;
                Failure::Hung(format!("{what}; its process was killed"))
            }
            None => Failure::Hung(format!("{what}; its thread is left behind")),
        }
    }

    /// Ends the driver now: a child is killed, a driver in the daemon winds up by itself.
    pub(crate) async fn end(mut self) {
        if let Some(process) = &mut self.process {
            process.end_now().await;
        }
    }
}

async fn read_notes(socket: Arc<UnixStream>, notes: mpsc::Sender<Note>, voice: Arc<Voice>) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 8 << 10];
    loop {
        loop {
            match decoder.next::<Note>() {
                Ok(Some(Note::Log { level, target, message })) => voice.log(level, target, message),
                Ok(Some(note)) => {
                    if notes.send(note).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    return voice.log(
                        1,
                        "host".to_owned(),
                        format!("its driver cannot be understood: {error}"),
                    );
                }
            }
        }
        if socket.readable().await.is_err() {
            return;
        }
        match socket.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => decoder.push(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Lines that a child prints, cut where they are longer than this.
const LINE: usize = 1 << 10;

async fn read_prints(stderr: ChildStderr, voice: Arc<Voice>) {
    let Ok(mut pipe) = tokio::net::unix::pipe::Receiver::from_owned_fd(OwnedFd::from(stderr)) else { return };
    let mut line = Vec::new();
    let mut buffer = [0; LINE];
    while let Ok(read) = pipe.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        for &byte in &buffer[..read] {
            if byte != b'\n' {
                line.push(byte);
            }
            if (byte == b'\n' || line.len() == LINE) && !line.is_empty() {
                voice.printed(&line);
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        voice.printed(&line);
    }
}
