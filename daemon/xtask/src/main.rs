//! `cargo xtask run | test | build | bench | setup`: what one types after cloning icescope.
#![forbid(unsafe_code)]

mod bench;
mod build;
mod debian;
mod lab;
mod node;
mod run;
mod setup;
mod shell;
mod steps;
mod test;

use std::process::ExitCode;

const HELP: &str = include_str!("help.txt");

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    if rest.first().is_some_and(|first| first == "--help" || first == "-h") && command != "run" {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let outcome = match command.as_str() {
        "run" => run::run(&rest),
        "build" => build::command(&rest),
        "test" => test::command(&rest),
        "bench" => bench::command(&rest),
        "setup" => setup::command(&rest),
        "help" | "--help" | "-h" | "" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(anyhow::anyhow!("there is no command «{other}»; `cargo xtask --help` lists them")),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
