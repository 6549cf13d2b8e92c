//! Threads of a plugin.

use std::thread::JoinHandle;

use crate::boundary::caught;
use crate::{Error, Host, log};

/// A thread whose log lines go to its instance's log, and whose panic ends the instance instead of going unnoticed.
/// Joined when it is dropped: make sure before that its work comes to an end.
#[derive(Debug)]
pub struct Worker(Option<JoinHandle<()>>);

impl Worker {
    pub(crate) fn spawn(
        host: &Host,
        name: &str,
        work: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let host = host.clone();
        let what = name.to_owned();
        let body = move || {
            let _current = log::enter(&host);
            if let Err(error) = caught(&what, work) {
                host.ended(&error);
            }
        };
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|error| Error::failed(format!("starting the thread «{name}»: {error}")))?;
        Ok(Self(Some(handle)))
    }

    /// Waits for its end.
    pub fn join(mut self) {
        self.wait();
    }

    fn wait(&mut self) {
        // The thread's body catches its panics itself, so there is nothing to learn from the result. A thread that
        // drops its own handle cannot wait for itself.
        if let Some(handle) = self.0.take()
            && handle.thread().id() != std::thread::current().id()
        {
            let _ = handle.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.wait();
    }
}
