//! Secrets, which come from files of their own.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::mask;
use crate::reader::Item;

/// No password or token is longer; it keeps a wrong path from being read whole.
const MAX_SECRET: u64 = 4096;
/// systemd puts the files of `LoadCredential=` there.
const SYSTEMD: &str = "$CREDENTIALS_DIRECTORY/";
const PATH_EXAMPLE: &str = "an absolute path, one that begins with ./ (from this file's directory), or \
                            $CREDENTIALS_DIRECTORY/NAME (systemd's LoadCredential=)";

/// A password, token or key. `Debug` hides it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself. Nothing that it goes into may be logged or shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What the process brings along, as an argument so that tests can bring their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `$CREDENTIALS_DIRECTORY`: where systemd put what `LoadCredential=` names.
    pub credentials_directory: Option<PathBuf>,
}

impl Environment {
    /// The one of this process.
    pub fn of_process() -> Self {
        Self { credentials_directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) }
    }
}

/// The path of a file, relative ones from the configuration's directory.
pub(crate) fn file_path(item: &Item<'_>) -> Option<PathBuf> {
    let text = item.string(PATH_EXAMPLE)?;
    if !mask::is_path(text) {
        return item.fail("this is not the path of a file", format!("write {PATH_EXAMPLE}"));
    }
    let Some(name) = text.strip_prefix(SYSTEMD) else {
        let directory = item.cx.document.path().parent().unwrap_or(Path::new(""));
        return Some(directory.join(text.strip_prefix("./").unwrap_or(text)));
    };
    match &item.cx.environment.credentials_directory {
        Some(directory) => Some(directory.join(name)),
        None => item.fail(
            "$CREDENTIALS_DIRECTORY is not set: the daemon was not started by a systemd unit that has credentials",
            format!("add LoadCredential={name}:/PATH/OF/THE/SECRET to the unit, or write the path itself"),
        ),
    }
}

/// A secret from the file that the value names.
pub(crate) fn secret_file(item: &Item<'_>) -> Option<Secret> {
    let path = file_path(item)?;
    let text = read_private(item, &path)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    let shown = path.display();
    if text.is_empty() {
        return item.fail(format!("the file {shown} is empty"), "put the secret into it, on one line");
    }
    if text.contains(['\n', '\0']) {
        return item.fail(
            format!("the file {shown} has more than one line"),
            "put the secret alone into it, on one line",
        );
    }
    Some(Secret::new(text.to_owned()))
}

/// The text of a file that others may not read.
pub(crate) fn read_private(item: &Item<'_>, path: &Path) -> Option<String> {
    let file = open(item, path)?;
    let mode = file.metadata().ok()?.mode();
    if mode & 0o007 != 0 {
        let message = format!(
            "everyone may use the file {} (mode {:03o}), and it is secret",
            path.display(),
            mode & 0o777
        );
        let help = format!("chmod o= {}", path.display());
        item.cx.push(item.problem(message, help).permission(true));
        return None;
    }
    read_text(item, path, file, MAX_SECRET)
}

/// The text of a file that anybody may read, of at most `limit` bytes.
pub(crate) fn read_public(item: &Item<'_>, path: &Path, limit: u64) -> Option<String> {
    read_text(item, path, open(item, path)?, limit)
}

fn open(item: &Item<'_>, path: &Path) -> Option<File> {
    // Asked first, for the opening of a named pipe would wait for its other end.
    let opened = fs::metadata(path).and_then(|metadata| {
        if metadata.is_file() { File::open(path) } else { Err(io::Error::other("it is not a regular file")) }
    });
    opened.map_err(|error| unread(item, path, &error)).ok()
}

fn read_text(item: &Item<'_>, path: &Path, file: File, limit: u64) -> Option<String> {
    let mut bytes = Vec::new();
    if let Err(error) = file.take(limit + 1).read_to_end(&mut bytes) {
        unread(item, path, &error);
        return None;
    }
    if bytes.len() as u64 > limit {
        return item.fail(
            format!("the file {} is larger than {limit} bytes", path.display()),
            "name the right file",
        );
    }
    String::from_utf8(bytes).ok().or_else(|| {
        item.fail(format!("the file {} is not text (UTF-8)", path.display()), "name the right file")
    })
}

fn unread(item: &Item<'_>, path: &Path, error: &io::Error) {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let help = match error.kind() {
        io::ErrorKind::NotFound => "create it (chmod 640), or name another",
        io::ErrorKind::PermissionDenied => "let the daemon's user read it: chown, or chmod and chgrp",
        _ => "name a readable file",
    };
    let problem = item.problem(format!("the file {} cannot be read: {error}", path.display()), help);
    item.cx.push(problem.permission(denied));
}
