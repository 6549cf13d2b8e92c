//! The C compiler, for tests: warnings are errors.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the header has to compile as.
#[derive(Clone, Copy)]
pub enum Language {
    /// C11.
    C11,
    /// C++17.
    #[allow(dead_code, reason = "not every test that shares this module compiles C++")]
    Cpp17,
}

impl Language {
    fn command(self) -> Command {
        let (compiler, standard) = match self {
            Self::C11 => ("cc", "-std=c11"),
            Self::Cpp17 => ("c++", "-std=c++17"),
        };
        let mut command = Command::new(compiler);
        command.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"]);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
        command
    }

    fn extension(self) -> &'static str {
        match self {
            Self::C11 => "c",
            Self::Cpp17 => "cpp",
        }
    }
}

/// Runs `command`, which has to succeed, and gives what it printed.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8 from the compiler's side")
}

/// Compiles `source` as a shared library with hidden visibility, as a plugin author would.
#[allow(dead_code, reason = "not every test that shares this module makes a library")]
pub fn library(source: &Path, to: &Path) -> PathBuf {
    let mut command = Language::C11.command();
    command.args(["-shared", "-fPIC", "-fvisibility=hidden", "-O1", "-o"]).arg(to).arg(source);
    output(&mut command);
    to.to_owned()
}

/// Compiles and runs `program`, and gives what it printed.
#[allow(dead_code, reason = "not every test that shares this module runs a program")]
pub fn run(language: Language, program: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join(format!("program.{}", language.extension()));
    let binary = folder.path().join("program");
    std::fs::write(&source, program).expect("the program is written");
    output(language.command().arg("-o").arg(&binary).arg(&source));
    output(&mut Command::new(&binary))
}

/// Compiles a C file to a program in `folder`.
#[allow(dead_code, reason = "not every test that shares this module makes a program")]
pub fn program(source: &Path, folder: &Path) -> PathBuf {
    let binary = folder.join("program");
    output(Language::C11.command().arg("-o").arg(&binary).arg(source).arg("-ldl"));
    binary
}
