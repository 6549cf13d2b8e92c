//! What the peer asks of whoever has the video sources.

use icescope_model::media::{Control, Format, MediaMessage, SourceError};
use tokio::sync::mpsc;

/// Tells a running stream what is wanted of it. Must return at once.
pub type Controls = Box<dyn Fn(Control) + Send + Sync>;

/// A running stream: its messages and its controls. Dropping the receiver ends it.
pub type OpenStream = (mpsc::Receiver<MediaMessage>, Controls);

/// The video sources, as the peer sees them. Implemented by the binary over the plugin host. No method may block.
pub trait Sources: Send + Sync + 'static {
    /// The name of the source that plays when a client names none.
    fn default_source(&self) -> String;

    /// The formats that a source offers, in its order of preference.
    fn formats(&self, name: &str) -> Result<Vec<Format>, SourceError>;

    /// Starts the stream of one format of a source; `format` indexes what `formats` gave.
    fn open(&self, name: &str, format: usize) -> Result<OpenStream, SourceError>;
}
