//! `icescope report`: a session's record from a file, judged anew, for a person or a program to read.

#[cfg(test)]
mod any;
mod ends;
mod judged;
mod read;
mod text;
mod time;

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;
use icescope_model::schema::SESSION_RECORD;

use crate::cli::ReportArgs;
use crate::{exit, output};
use judged::Judged;

/// Shows what the record of a file says.
pub fn report(args: &ReportArgs) -> ExitCode {
    match made(args).and_then(|text| put(args, &text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit::code_of(&error)
        }
    }
}

fn made(args: &ReportArgs) -> anyhow::Result<String> {
    let Some(path) = args.file.as_ref().filter(|_| !args.schema) else {
        return Ok(SESSION_RECORD.to_owned());
    };
    let name = read::name(path);
    let document = read::document(path, &name)?;
    let judged = Judged::of(document, args.redact, &name)?;
    if args.json {
        return Ok(format!("{:#}\n", judged.document()));
    }
    Ok(text::shown(&judged, args.timeline))
}

fn put(args: &ReportArgs, text: &str) -> anyhow::Result<()> {
    let Some(path) = &args.output else {
        output::write(text);
        return Ok(());
    };
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
