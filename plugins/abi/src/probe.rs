//! The kind `icescope.probe/1`.

use crate::{IcsError, IcsInstance, IcsStatus, IcsStr};

/// The kind's name, for [`crate::IcsPlugin::kind`] and its `query`.
pub const PROBE_KIND: &std::ffi::CStr = c"icescope.probe/1";

/// One run that is asked for.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsRequest {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// `{"servers": […], …}`.
    pub args_json: IcsStr,
    /// `CLOCK_MONOTONIC`; 0 for none.
    pub deadline_ns: i64,
    /// The run's span: `parent` of its steps.
    pub span: u64,
}

/// The table of `icescope.probe/1`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsProbe {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// \[instance\] Blocks; reports through the host and sets one outcome.
    pub run: Option<
        unsafe extern "C" fn(
            *mut IcsInstance,
            *const IcsRequest,
            outcome: *mut u32,
            *mut IcsError,
        ) -> IcsStatus,
    >,
}
