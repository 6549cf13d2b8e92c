//! What runs beside a plugin's code and calls it: the same in a child process and in the daemon.
//!
//! Three threads: one reads commands from the control socket (and so hears at once of a cancellation or of the other
//! end's death, whatever the plugin does), one makes the calls (the contract's *instance* thread), one writes what is
//! said. The plugin's own threads reach the host services, which never wait for the daemon except in `report`.

mod calls;
mod ctx;
mod events;
mod frames;
mod leases;
mod load;
mod outbox;
mod services;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use icescope_plugin_abi as abi;

use crate::proto::{Answer, CallError, Command, Note};
use crate::socket::CommandReader;
use calls::Instance;
use ctx::{Cancel, Ctx};
use frames::Stream;
use load::Loaded;
pub(crate) use load::Where;
use outbox::Outbox;

/// A call with the descriptors that came with it.
type Call = (Command, Vec<OwnedFd>);

/// Serves one plugin until the other end of `socket` is gone. Returns while a hung call may still be running: then its
/// thread is left behind.
pub(crate) fn serve(socket: UnixStream, place: Where) -> io::Result<()> {
    let outbox = Arc::new(Outbox::default());
    let cancel = Arc::new(Cancel::new()?);
    let writer = {
        let (socket, outbox) = (socket.try_clone()?, Arc::clone(&outbox));
        spawn("plugin-notes", move || outbox.drain_into(&socket))?
    };
    // The daemon sends one call at a time; the second place lets the reader go back to listening at once.
    let (calls, queue) = sync_channel(2);
    let driver = Driver {
        place,
        outbox: Arc::clone(&outbox),
        cancel: Arc::clone(&cancel),
        loaded: None,
        ctx: None,
        instance: None,
    };
    let instance = spawn("plugin-instance", move || driver.run(&queue))?;
    let read = read_commands(CommandReader::new(socket), &calls, &cancel);
    // Wind up whatever runs; the instance thread sees that its queue has ended and destroys the instance.
    cancel.set(true);
    drop(calls);
    outbox.close();
    drop((writer, instance));
    read
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

fn read_commands(mut reader: CommandReader, calls: &SyncSender<Call>, cancel: &Cancel) -> io::Result<()> {
    while let Some((command, descriptors)) = reader.next()? {
        if matches!(command, Command::Cancel) {
            cancel.set(true);
        } else if calls.try_send((command, descriptors)).is_err() {
            return Err(io::Error::other(
                "a call came before the last one was answered, or its thread has died",
            ));
        }
    }
    Ok(())
}

/// State of the instance thread.
struct Driver {
    place: Where,
    outbox: Arc<Outbox>,
    cancel: Arc<Cancel>,
    loaded: Option<Loaded>,
    ctx: Option<&'static Ctx>,
    instance: Option<Instance>,
}

impl Driver {
    fn run(mut self, queue: &Receiver<Call>) {
        while let Ok((command, descriptors)) = queue.recv() {
            // A cancellation concerns the call that it found running, not the next one.
            self.cancel.set(false);
            let answer = self.call(command, descriptors);
            self.outbox.must(&Note::Answer(answer));
        }
        self.destroy();
    }

    fn call(&mut self, command: Command, mut descriptors: Vec<OwnedFd>) -> Result<Answer, CallError> {
        match command {
            Command::Load { plugin, granted, log_level } => {
                let library = descriptors.pop().ok_or_else(|| invalid("no library came with the call"))?;
                let loaded = load::load(library, plugin.as_deref(), self.place).map_err(invalid)?;
                let described = loaded.describe();
                self.loaded = Some(loaded);
                self.ctx = Some(Ctx::leak(&self.outbox, &self.cancel, &granted, log_level));
                Ok(Answer::Loaded(described))
            }
            Command::Create { config, servers } => {
                let (loaded, ctx) =
                    self.loaded.as_ref().zip(self.ctx).ok_or_else(|| invalid("nothing is loaded"))?;
                ctx.learn_servers(servers);
                self.instance = Some(Instance::create(loaded, ctx, &config)?);
                Ok(Answer::Done)
            }
            Command::Formats => {
                let formats = self.instance()?.formats()?;
                self.ctx()?.set_formats(formats.len());
                Ok(Answer::Formats(formats))
            }
            Command::Start { format } => self.start(format, descriptors),
            Command::Control { format, op, a, b } => {
                self.instance()?.control(format, op, a, b).map(|()| Answer::Done)
            }
            Command::Stop { format } => {
                // First: what the plugin pushes from now on is refused.
                self.ctx()?.remove_stream(format);
                self.instance()?.stop(format).map(|()| Answer::Done)
            }
            Command::Run { args, deadline_ns, span, servers } => {
                self.ctx()?.learn_servers(servers);
                let outcome = self.instance()?.run(&args, deadline_ns, span)?;
                Ok(Answer::Ran { outcome })
            }
            Command::Destroy => {
                self.destroy();
                Ok(Answer::Done)
            }
            Command::Cancel => Ok(Answer::Done),
        }
    }

    fn start(&mut self, format: u32, descriptors: Vec<OwnedFd>) -> Result<Answer, CallError> {
        let [ring, bell]: [OwnedFd; 2] =
            descriptors.try_into().map_err(|_| invalid("no ring and bell came with the call"))?;
        let stream = Stream::new(&ring, bell)
            .map_err(|error| invalid(format!("the ring cannot be mapped: {error}")))?;
        let ctx = self.ctx()?;
        // Before the call: frames may come while it runs.
        ctx.add_stream(format, Arc::new(stream));
        let started = self.instance()?.start(format);
        if started.is_err() {
            ctx.remove_stream(format);
        }
        started.map(|()| Answer::Done)
    }

    fn destroy(&mut self) {
        if let Some(instance) = self.instance.take() {
            if let Some(ctx) = self.ctx {
                ctx.remove_streams();
            }
            instance.destroy();
        }
        if let Some(ctx) = self.ctx.take() {
            ctx.end();
        }
    }

    fn instance(&self) -> Result<&Instance, CallError> {
        self.instance.as_ref().ok_or_else(|| invalid("there is no instance"))
    }

    fn ctx(&self) -> Result<&'static Ctx, CallError> {
        self.ctx.ok_or_else(|| invalid("nothing is loaded"))
    }
}

fn invalid(message: impl Into<String>) -> CallError {
    CallError { status: abi::ICS_E_INVALID, message: message.into(), pointer: String::new() }
}
