//! `[relay]`: the embedded STUN and TURN server, which this version does not have.

use crate::table::Table;

/// `[relay]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relay {
    /// Always false in this version.
    pub enabled: bool,
}

impl Relay {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        table.refuse_enabled("the embedded relay");
        table.finish();
        Self::default()
    }
}
