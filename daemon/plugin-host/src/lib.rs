//! Verifies, loads and supervises plugins, in a child process or in-process.
//!
//! The contract with plugins is `plugins/abi/include/icescope_plugin.h`. One driver speaks it (`driver`): in a child
//! process (the daemon's own binary, see [`child_main`]) or on threads of the daemon. The daemon's end (`link`,
//! `supervisor`) is the same for both: commands and notes over a socket pair, frames through sealed shared memory.
//!
//! # GUARANTEES
//!
//! What the daemon and the other plugins are kept from, by `isolation`:
//!
//! | A plugin … | `process` (default) | `in-process` |
//! |---|---|---|
//! | returns an error, or sends its configuration back | told; started again with back-off, or disabled | the same |
//! | panics, caught by the SDK (`ICS_E_PANIC`) | its process is replaced; three times within a minute disable it | its instance is replaced; three times within a minute disable it |
//! | floods events, logs or frames | a token bucket and bounded queues; what was dropped is counted and shown | the same |
//! | pushes broken text, giant frames, frames of the wrong format or after stop | refused or shown with replacement characters, counted, told | the same |
//! | does not return from a call | killed at the call's deadline, started again with back-off; three times within a minute disable it | disabled until reload; its thread is left behind and keeps what it holds |
//! | aborts, or a C++ exception leaves it | its process is replaced; three times within a minute disable it | **takes the daemon down** |
//! | reads or writes bad memory (segmentation fault) | the same | **takes the daemon down, or corrupts it silently** |
//! | exits the process | the same | **takes the daemon down** |
//! | breaks the shared memory | what is read there is checked first; the stream is started again | does not apply: it can break all memory |
//! | leaks memory or threads | ends with its process | **stays in the daemon** |
//! | means harm | **not contained**: it runs as the daemon's user. `no_new_privs`, a clean environment and no inherited descriptors narrow what it can reach, no more | **not contained** |
//!
//! What happens is told three times: in the log (fields `plugin`, `kind`), as an observation of the daemon's scope, and
//! as the state and message of the plugin's status. Kinds: `plugin.ready`, `plugin.refused` (it may not be loaded, or
//! its configuration is wrong), `plugin.failed` (it said that it cannot go on), `plugin.crashed`, `plugin.hung`,
//! `plugin.disabled`, `plugin.ended` (a source came to its end), and what the plugin itself says: `plugin.event`,
//! `plugin.report` (a probe's events and reports of a run go to its caller instead).
//!
//! Frames are copied out of the shared memory once and only the copy is looked at. Nothing is ever unloaded: a reload
//! is a new process, or, in-process, a new instance (and, for a changed library, new code beside the old).

mod attached;
mod bring_up;
mod bucket;
mod check;
mod child;
mod driver;
mod error;
mod generation;
mod host;
mod link;
mod options;
mod playing;
mod policy;
mod probe;
mod proto;
mod redact;
mod ring;
mod schema;
mod seal;
mod serve;
mod slot;
mod socket;
mod spawn;
mod stream;
mod supervisor;
mod up;
mod verify;
mod voice;
mod wishes;

pub use check::CheckedPlugin;
pub use child::child_main;
pub use error::{CheckProblem, ProbeError, Refused};
pub use host::PluginHost;
pub use options::{Backoff, Deadlines, GrantedServer, ICE_SERVERS_GRANT, MintServers, Options, PluginSpec};
pub use probe::{ProbeEvent, ProbeInfo, ProbeNote, ProbeRun};
pub use stream::{SourceStream, StreamControl};
