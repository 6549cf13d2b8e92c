//! Standard output.

use std::fmt::Display;
use std::io::Write;

/// Writes what was asked for. A reader that has gone (`icescope explain | head`) is no failure.
pub fn write(text: impl Display) {
    let mut output = std::io::stdout().lock();
    let _ = write!(output, "{text}").and_then(|()| output.flush());
}
