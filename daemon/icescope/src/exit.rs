//! Exit codes, after sysexits(3).

use std::process::ExitCode;

/// Something failed at run time.
pub const FAILURE: u8 = 1;
/// Wrong usage, as clap has it.
pub const USAGE: u8 = 2;
/// An internal error (EX_SOFTWARE).
pub const INTERNAL: u8 = 70;
/// Permission denied (EX_NOPERM).
pub const PERMISSION: u8 = 77;
/// The configuration is bad (EX_CONFIG).
pub const CONFIGURATION: u8 = 78;

/// The code that fits an error: permission where the system refused, failure otherwise.
pub fn code_of(error: &anyhow::Error) -> ExitCode {
    let refused = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::PermissionDenied);
    ExitCode::from(if refused { PERMISSION } else { FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_system_has_its_own_code() {
        let refused =
            anyhow::Error::new(std::io::Error::from(std::io::ErrorKind::PermissionDenied)).context("listen");
        assert_eq!(format!("{:?}", code_of(&refused)), format!("{:?}", ExitCode::from(PERMISSION)));
        assert_eq!(format!("{:?}", code_of(&anyhow::anyhow!("x"))), format!("{:?}", ExitCode::from(FAILURE)));
    }
}
