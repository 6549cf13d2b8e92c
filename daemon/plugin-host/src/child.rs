//! The child process: `icescope plugin-host`.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::process::Signal;

use crate::driver::{self, Where};

/// The body of `icescope plugin-host`: serves one plugin over the socket that is its standard input, and ends with it.
/// It is started by the daemon only and takes no arguments.
pub fn child_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    if args.into_iter().next().is_some() {
        eprintln!("icescope plugin-host takes no arguments: the daemon starts it by itself");
        return ExitCode::from(64);
    }
    match shut_the_doors().and_then(|socket| driver::serve(socket, Where::Child)) {
        // Not by `exit`: handlers of the plugin's libraries would run beside its threads.
        Ok(()) => leave(0),
        Err(error) => {
            eprintln!("icescope plugin-host: {error}");
            leave(70)
        }
    }
}

/// Takes the control socket off standard input, and leaves the plugin nothing else of the daemon's.
fn shut_the_doors() -> io::Result<UnixStream> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    let stdin = io::stdin();
    if rustix::net::sockopt::socket_domain(&stdin).is_err() {
        return Err(io::Error::other(
            "standard input is not the daemon's socket: the daemon starts this by itself",
        ));
    }
    // SAFETY: nothing has been opened yet, so no descriptor above 2 has an owner here that could miss it.
    if unsafe { libc::close_range(3, u32::MAX, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let socket = rustix::io::fcntl_dupfd_cloexec(&stdin, 3)?;
    // A plugin that reads its standard input gets its end, not our commands.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    // What it prints goes to the daemon's log, by whichever of the two.
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(UnixStream::from(socket))
}

fn leave(code: i32) -> ! {
    // SAFETY: ends the process at once; nothing here needs to be dropped.
    unsafe { libc::_exit(code) }
}
