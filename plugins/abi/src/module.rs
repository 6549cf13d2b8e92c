//! A library holds a module; a module holds plugins.

use std::ffi::{c_char, c_void};

use crate::{IcsCtx, IcsError, IcsHost, IcsInstance, IcsStatus, IcsStr};

/// The one symbol that a plugin library exports; the contract's major is in its name.
pub const ENTRY_SYMBOL: &std::ffi::CStr = c"icescope_module_v1";

/// The type of the function behind [`ENTRY_SYMBOL`]. Pure: no thread, I/O or allocation; what it returns is static.
pub type IcsModuleEntry = unsafe extern "C" fn() -> *const IcsModule;

/// One plugin of a module.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsPlugin {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// Reverse domain name: `org.example.stun`.
    pub id: IcsStr,
    /// `icescope.video-source/1`, `icescope.probe/1`.
    pub kind: IcsStr,
    /// For a person.
    pub name: IcsStr,
    /// Its own version.
    pub version: IcsStr,
    /// Who made it.
    pub vendor: IcsStr,
    /// SPDX expression.
    pub license: IcsStr,
    /// JSON Schema of its configuration, or empty.
    pub config_schema: IcsStr,
    /// JSON Schema of a run's arguments, or empty.
    pub args_schema: IcsStr,
    /// Makes an instance.
    pub create: Option<
        unsafe extern "C" fn(
            *const IcsHost,
            *mut IcsCtx,
            config_json: IcsStr,
            *mut *mut IcsInstance,
            *mut IcsError,
        ) -> IcsStatus,
    >,
    /// \[instance\] Joins what is left.
    pub destroy: Option<unsafe extern "C" fn(*mut IcsInstance)>,
    /// \[instance\] The kind's table, or null.
    pub query: Option<unsafe extern "C" fn(*mut IcsInstance, id: *const c_char) -> *const c_void>,
}

/// What the entry symbol returns.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsModule {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// The minor that the plugin was built against.
    pub abi_minor: u32,
    /// The oldest host minor that will do.
    pub needs_minor: u32,
    /// Pointers at `plugins`.
    pub n_plugins: u32,
    /// The plugins.
    pub plugins: *const *const IcsPlugin,
}

// SAFETY: by the contract a module and what it points to are static and never written.
unsafe impl Send for IcsModule {}
// SAFETY: as above.
unsafe impl Sync for IcsModule {}
