//! What goes wrong, in words for the operator.

use std::io;
use std::path::PathBuf;

/// A library that is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The configured path is neither of the two forms.
    #[error(
        "the path «{path}» is neither absolute nor a bare name; write /full/path/to/lib….so, or a name in the plugin directory"
    )]
    Path {
        /// As configured.
        path: String,
    },
    /// A bare name that is in none of the plugin directories.
    #[error("no library for «{name}» was found: looked for {names} in {directories}")]
    NotFound {
        /// As configured.
        name: String,
        /// The file names that would do.
        names: String,
        /// Where they were looked for.
        directories: String,
    },
    /// The file or a directory cannot be read.
    #[error("{path}: {error}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        error: io::Error,
    },
    /// A directory, a device.
    #[error("{path} is not a regular file", path = path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// Somebody else could have put another library there.
    #[error("the {what} {path} {fault}: whoever can write there decides what runs here. Remedy: {remedy}", path = path.display())]
    Unsafe {
        /// `file` or `directory`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Whose it is, or who can write to it.
        fault: String,
        /// A command.
        remedy: String,
    },
    /// The configured hash is no hash.
    #[error("sha256 = «{pin}» is not a hash: 64 hexadecimal digits are due, as `sha256sum` prints them")]
    BadPin {
        /// As configured.
        pin: String,
    },
    /// The library is not the one that was pinned.
    #[error(
        "{path} has the SHA-256 {found}, but {expected} is pinned in the configuration: if it was updated on purpose, write the new hash there",
        path = path.display()
    )]
    Pin {
        /// Which.
        path: PathBuf,
        /// As configured.
        expected: String,
        /// Of the file.
        found: String,
    },
}

/// One thing that is wrong with a plugin or its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckProblem {
    /// RFC 6901 path into the plugin's configuration; empty if it is not about a place in it.
    pub pointer: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// A probe did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// No plugin of that name is configured.
    #[error("no probe «{name}» is configured; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The probes there are.
        known: String,
    },
    /// It is being started, or restarted after a crash, or the host is shutting down.
    #[error("the probe «{name}» cannot run now: {reason}")]
    NotReady {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The arguments do not fit the plugin's schema, or the plugin refused them.
    #[error("the probe «{name}» refuses its arguments: {message}{}", at(pointer))]
    Arguments {
        /// Its name.
        name: String,
        /// RFC 6901 path into the arguments; may be empty.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// It failed, crashed or hung.
    #[error("the probe «{name}» failed: {reason}")]
    Failed {
        /// Its name.
        name: String,
        /// What happened.
        reason: String,
    },
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" (at {pointer})") }
}
