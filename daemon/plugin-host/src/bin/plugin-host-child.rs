//! The child process of the tests; in the daemon this is `icescope plugin-host`.

use std::process::ExitCode;

fn main() -> ExitCode {
    icescope_plugin_host::child_main(std::env::args_os().skip(1))
}
