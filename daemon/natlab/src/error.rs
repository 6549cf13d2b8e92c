//! What can go wrong while the lab is made.

use std::io;
use std::process::ExitStatus;

/// Why a lab, a site or a server could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Namespaces are refused here: a container without the right, or a kernel without the feature.
    #[error(
        "this machine allows no network namespace: {0}; run as root, or where unprivileged user namespaces are allowed"
    )]
    NotAllowed(String),
    /// A system call or a file said no.
    #[error("natlab could not {what}: {source}")]
    Io {
        /// What was tried, and on what.
        what: String,
        /// What came back.
        source: io::Error,
    },
    /// `ip`, `nft` or `tc` did not like what it was told.
    #[error("`{command}` failed ({status}): {stderr}\nIts input was:\n{input}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
        /// What it read.
        input: String,
    },
    /// A plan that makes no sense.
    #[error("this site cannot be made: {0}")]
    Plan(String),
    /// A server that did not come up.
    #[error("{server} did not come up; it said:\n{said}")]
    Server {
        /// Which one.
        server: String,
        /// Its output up to then.
        said: String,
    },
}

impl Error {
    /// For `map_err`: an I/O error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
