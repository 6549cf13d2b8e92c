//! Raw Rust bindings of `include/icescope_plugin.h`, the contract between icescope and its plugins (major 1).
//!
//! The header is the contract and says what each field means, who owns what and which thread may call; these bindings
//! only repeat it, with the C field names. `tests/layout.rs` holds the two together with the C compiler. Plugin authors
//! use `icescope-plugin-sdk`, which wraps this crate without `unsafe`.
//!
//! Function pointers are `Option`: a table that comes from the other side may have a null where an entry is due, and
//! its reader has to refuse it rather than call it.

mod base;
mod host;
mod module;
mod probe;
mod read;
mod source;

pub use base::*;
pub use host::*;
pub use module::*;
pub use probe::*;
pub use read::*;
pub use source::*;
