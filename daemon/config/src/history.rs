//! `[history]`: sessions that outlive a restart, which this version does not have.

use crate::table::Table;

/// `[history]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Always false in this version.
    pub enabled: bool,
}

impl History {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        table.refuse_enabled("the history");
        table.finish();
        Self::default()
    }
}
