//! What a plugin's call may fail with.

use icescope_plugin_abi as abi;

/// Why a call failed. The message is for a person: what was tried, on what, what came back and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    status: abi::IcsStatus,
    pointer: String,
    message: String,
}

impl Error {
    fn new(status: abi::IcsStatus, pointer: &str, message: impl Into<String>) -> Self {
        Self { status, pointer: pointer.to_owned(), message: message.into() }
    }

    /// It failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_FAIL, "", message)
    }

    /// The configuration or the arguments are wrong at `pointer` (RFC 6901; empty for the whole).
    pub fn config(pointer: &str, message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_CONFIG, pointer, message)
    }

    /// This machine or build cannot do it.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_UNSUPPORTED, "", message)
    }

    /// The host asked to wind up, and that was done.
    pub fn cancelled() -> Self {
        Self::new(abi::ICS_E_CANCELLED, "", "cancelled by the host")
    }

    /// The deadline passed.
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_TIMEOUT, "", message)
    }

    /// The instance is going away.
    pub(crate) fn stopping(message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_STOPPING, "", message)
    }

    /// The caller broke the contract.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_INVALID, "", message)
    }

    /// A panic was caught.
    pub(crate) fn panicked(message: impl Into<String>) -> Self {
        Self::new(abi::ICS_E_PANIC, "", message)
    }

    /// What the contract calls it: `ICS_E_…`.
    pub fn status(&self) -> abi::IcsStatus {
        self.status
    }

    /// Where in the configuration or the arguments (RFC 6901), or empty.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}
