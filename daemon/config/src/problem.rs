//! What is wrong with a configuration, and how it is told.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Whether the configuration can be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It cannot be used.
    Error,
    /// It can; it deserves a word.
    Warning,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line as it may be shown: secrets masked, a long one cut.
    pub text: String,
    /// The culprit in `text`, in characters from 0.
    pub caret: Range<usize>,
}

/// One thing that is wrong. Its `Display` is the whole message of several lines, without a final line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// The key's path: `ice.servers[1].urls`. Empty for what has none, such as a syntax error.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it is; `None` for what is not in the text, such as an unreadable file.
    pub place: Option<Place>,
    /// The reason is a missing permission, or a dangerous one (exit code 77 instead of 78).
    pub permission: bool,
}

impl Problem {
    /// An error that has no place in the text.
    pub(crate) fn without_place(message: String, help: &str) -> Self {
        let (severity, key, help) = (Severity::Error, String::new(), Some(help.to_owned()));
        Self { severity, key, message, help, place: None, permission: false }
    }

    pub(crate) fn permission(self, permission: bool) -> Self {
        Self { permission, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        })?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        let gutter = self.place.as_ref().map_or(1, |place| place.line.to_string().len());
        if let Some(place) = &self.place {
            let Place { file, line, column, text, caret } = place;
            write!(f, "\n{:gutter$}--> {}:{line}:{column}", "", file.display())?;
            write!(f, "\n{:gutter$} |\n{line} | {text}", "")?;
            let carets = "^".repeat(caret.len().max(1));
            write!(f, "\n{:gutter$} | {:2$}{carets}", "", "", caret.start)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// All that is wrong with one file, in the order of its lines. Its `Display` is the whole report, and ends with a line
/// that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    file: PathBuf,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(file: &Path, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        Self { file: file.to_owned(), list }
    }

    /// Each of them.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Whether all that is wrong are permissions of files (exit code 77 instead of 78).
    pub fn only_permissions(&self) -> bool {
        self.list.iter().all(|problem| problem.permission)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            write!(f, "{problem}\n\n")?;
        }
        let count = match self.list.len() {
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        write!(f, "{count} in {}", self.file.display())
    }
}
