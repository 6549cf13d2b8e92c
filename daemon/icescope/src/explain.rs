//! `icescope explain`: the catalogue of causes that a verdict may name, and which NATs can meet.

use std::process::ExitCode;

use icescope_diagnosis::{causes, nat_table};

use crate::cli::ExplainArgs;
use crate::{exit, output};

/// The page that is about no cause.
const NAT: &str = "nat";

/// Shows one page, or the list of all.
pub fn explain(args: &ExplainArgs) -> ExitCode {
    let Some(id) = &args.cause else {
        for cause in causes::all() {
            output::write(format_args!("{:<4}{}\n", cause.id, cause.title));
        }
        output::write(format_args!("{NAT:<4}Which NATs can meet\n"));
        return ExitCode::SUCCESS;
    };
    if id.eq_ignore_ascii_case(NAT) {
        output::write(nat_table::PAGE);
        return ExitCode::SUCCESS;
    }
    if let Some(cause) = causes::find(id) {
        output::write(cause.page);
        return ExitCode::SUCCESS;
    }
    eprintln!("error: there is no cause «{id}»: «icescope explain» lists all");
    ExitCode::from(exit::USAGE)
}
