//! Programs that a server of the lab consists of: they end with their handle, or with this process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};

type Order = (Command, SyncSender<io::Result<Child>>);

/// A running program; dropping it kills it and waits until it is gone.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a command that was made by [`crate::Namespace::command`].
    ///
    /// Such a command dies with the thread that starts it. Tests come and go on threads of their own, so the starting is done
    /// by one thread that lives as long as this process.
    pub fn start(command: Command) -> io::Result<Self> {
        static STARTER: OnceLock<SyncSender<Order>> = OnceLock::new();
        let starter = STARTER.get_or_init(|| {
            let (orders, inbox) = sync_channel::<Order>(0);
            std::thread::spawn(move || {
                while let Ok((mut command, reply)) = inbox.recv() {
                    // Nobody waits any more: the child goes as its handle does, below.
                    if let Err(unwanted) = reply.send(command.spawn())
                        && let Ok(child) = unwanted.0
                    {
                        drop(Self(child));
                    }
                }
            });
            orders
        });
        let gone = || io::Error::other("the thread that starts programs is gone");
        let (reply, answer) = sync_channel(1);
        starter.send((command, reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?.map(Self)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The child, for its pipes and its exit status.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: both calls then only say so.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
