//! glibc's allocator, set for a process that is small and runs for months.
//!
//! By default glibc makes up to eight arenas per core, and moves the sizes from which memory goes straight back to the
//! system upwards as it sees larger blocks. Sessions that come and go on two threads then leave pieces in every arena. One
//! arena and fixed thresholds keep the daemon's memory where its sessions are; there is little to contend for.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// glibc reads these from the environment, once, before `main` (mallopt(3)).
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "131072")];

/// Replaces the process by itself with the settings in its environment, unless one of them is there already: then the
/// administrator, or the first life of this process, has decided. The process id stays the same.
pub fn settle() {
    if SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let arguments = std::env::args_os().skip(1);
    let name = std::env::args_os().next();
    let name = name.as_deref().unwrap_or(OsStr::new("icescope"));
    // It returns only where it failed: then memory is less tidy, and nothing else is lost.
    let _ = Command::new("/proc/self/exe").arg0(name).args(arguments).envs(SETTINGS).exec();
}
