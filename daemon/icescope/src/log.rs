//! The log: to standard error, for people or as JSON lines.

use std::io::IsTerminal;

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people. The journal has its own time, so there the line has none.
    Text,
    /// One JSON object a line.
    Json,
}

/// The page's files are told one by one, and the WebRTC stack warns of what is ordinary on a network (packets after a close, retransmissions); the wiretap shows what
/// really happened.
const QUIET: [&str; 8] = [
    "memory_serve=warn",
    "rtc_dtls=error",
    "rtc_ice=error",
    "rtc_mdns=error",
    "rtc_sctp=error",
    "rtc_srtp=error",
    "rtc=error",
    "webrtc=error",
];

/// Changes the filter of a running daemon.
pub struct Handle(reload::Handle<EnvFilter, Registry>);

fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    let mut directives = QUIET.join(",");
    directives.push(',');
    directives.push_str(level);
    EnvFilter::try_new(directives)
}

/// Begins to log.
pub fn start(level: &str, format: Format) -> Result<Handle, ParseError> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let lines = match format {
        Format::Json => lines.json().flatten_event(true).boxed(),
        Format::Text if in_journal => lines.without_time().with_ansi(false).boxed(),
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    // A second start in one process happens in tests only; the first one stays.
    let _ = Registry::default().with(filter).with(lines).try_init();
    Ok(Handle(handle))
}

impl Handle {
    /// Another filter from now on; a bad one changes nothing.
    pub fn set_level(&self, level: &str) -> Result<(), anyhow::Error> {
        self.0.reload(filter(level)?)?;
        Ok(())
    }
}
