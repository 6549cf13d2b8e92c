//! `icescope explain`: the catalogue of causes that a verdict may name.

use std::process::ExitCode;

use icescope_diagnosis::causes;

use crate::cli::ExplainArgs;
use crate::{exit, output};

/// Shows one cause's page, or the list of all.
pub fn explain(args: &ExplainArgs) -> ExitCode {
    let Some(id) = &args.cause else {
        for cause in causes::all() {
            output::write(format_args!("{:<4}{}\n", cause.id, cause.title));
        }
        return ExitCode::SUCCESS;
    };
    if let Some(cause) = causes::find(id) {
        output::write(cause.page);
        return ExitCode::SUCCESS;
    }
    eprintln!("error: there is no cause «{id}»: «icescope explain» lists all");
    ExitCode::from(exit::USAGE)
}
