//! Whether a library may be loaded at all: loading a plugin is running code.
//!
//! The file and every directory on the way to it must belong to root or to the daemon's user, and nobody else may be
//! able to write there; else whoever can write there decides what the daemon runs.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::Refused;
use crate::options::Options;

/// The daemon's user.
#[derive(Debug, Clone, Copy)]
struct Daemon {
    uid: u32,
    gid: u32,
}

/// What counts of a file or directory.
#[derive(Debug, Clone, Copy)]
struct Owned {
    uid: u32,
    gid: u32,
    mode: u32,
    is_dir: bool,
}

const STICKY: u32 = 0o1000;

/// What is wrong with the owner or the mode, if anything: the fault and the command that mends it.
fn fault(what: Owned, daemon: Daemon) -> Option<(String, &'static str)> {
    if what.uid != 0 && what.uid != daemon.uid {
        return Some((
            format!("belongs to user {}, who is neither root nor the daemon's user", what.uid),
            "chown root",
        ));
    }
    // /tmp: all may write, but none may replace what belongs to another.
    if what.is_dir && what.uid == 0 && what.mode & STICKY != 0 {
        return None;
    }
    // A group of one's own (uid = gid, as useradd makes it) lets nobody else in; root's group is root's.
    let own_group = what.gid == 0 || (what.gid == daemon.gid && daemon.gid == daemon.uid);
    match (what.mode & 0o002 != 0, what.mode & 0o020 != 0 && !own_group) {
        (true, true) => Some(("can be written by everybody".to_owned(), "chmod go-w")),
        (true, false) => Some(("can be written by everybody".to_owned(), "chmod o-w")),
        (false, true) => Some((format!("can be written by group {}", what.gid), "chmod g-w")),
        (false, false) => None,
    }
}

/// The library's file, opened, and where it really is.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) stamp: Stamp,
}

/// Tells whether a file is still the one that was loaded: device, inode, length, change of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64, u64, u64, i64, i64);

impl Stamp {
    fn of(meta: &std::fs::Metadata) -> Self {
        Self(meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec())
    }

    /// Whether there is another file now. One that is gone is not replaced (yet).
    pub(crate) fn is_replaced(self, path: &Path) -> bool {
        path.metadata().is_ok_and(|meta| Self::of(&meta) != self)
    }
}

/// Finds and opens a plugin's library, or says why it may not be loaded.
pub(crate) fn verify(path: &str, options: &Options) -> Result<Verified, Refused> {
    let wanted = find(path, options)?;
    let unreadable = |path: &Path, error: io::Error| Refused::Unreadable { path: path.to_owned(), error };
    let real = wanted.canonicalize().map_err(|error| unreadable(&wanted, error))?;
    let daemon =
        Daemon { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
    // Both ways to it: who can turn a symbolic link on the first decides as much as who can write to the second.
    for path in [&wanted, &real] {
        check_parents(path, daemon)?;
    }
    // Not a link any more, so nobody can have turned it since; a device or a pipe must not make us wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file =
        rustix::fs::open(&real, flags, Mode::empty()).map_err(|error| unreadable(&real, error.into()))?;
    let file = File::from(file);
    let meta = file.metadata().map_err(|error| unreadable(&real, error))?;
    if !meta.is_file() {
        return Err(Refused::NotAFile { path: real });
    }
    check(&real, &meta, daemon)?;
    Ok(Verified { path: real, file, stamp: Stamp::of(&meta) })
}

fn check_parents(path: &Path, daemon: Daemon) -> Result<(), Refused> {
    for parent in path.ancestors().skip(1) {
        let meta =
            parent.metadata().map_err(|error| Refused::Unreadable { path: parent.to_owned(), error })?;
        check(parent, &meta, daemon)?;
    }
    Ok(())
}

fn check(path: &Path, meta: &std::fs::Metadata, daemon: Daemon) -> Result<(), Refused> {
    let what = Owned { uid: meta.uid(), gid: meta.gid(), mode: meta.mode(), is_dir: meta.is_dir() };
    match fault(what, daemon) {
        None => Ok(()),
        Some((fault, remedy)) => Err(Refused::Unsafe {
            what: if what.is_dir { "directory" } else { "file" },
            fault,
            remedy: format!("{remedy} {}", path.display()),
            path: path.to_owned(),
        }),
    }
}

/// Where the configured path leads, before links are followed.
fn find(path: &str, options: &Options) -> Result<PathBuf, Refused> {
    let as_path = Path::new(path);
    let plain = as_path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if as_path.is_absolute() && plain {
        return Ok(as_path.to_owned());
    }
    if path.is_empty() || path.contains('/') || !plain {
        return Err(Refused::Path { path: path.to_owned() });
    }
    let directories = directories(options);
    let names = file_names(path);
    directories
        .iter()
        .flat_map(|directory| names.iter().map(|name| directory.join(name)))
        .find(|candidate| candidate.exists())
        .ok_or_else(|| Refused::NotFound {
            name: path.to_owned(),
            names: names.join(", "),
            directories: directories
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        })
}

/// What a bare name may be called as a file.
fn file_names(name: &str) -> Vec<String> {
    let stem = name.replace('-', "_");
    vec![name.to_owned(), format!("lib{stem}.so"), format!("libicescope_{stem}.so")]
}

fn directories(options: &Options) -> Vec<PathBuf> {
    if let Some(directory) = &options.plugin_dir {
        return vec![directory.clone()];
    }
    let binary = std::env::current_exe().unwrap_or_else(|_| options.host_command.0.clone());
    let Some(folder) = binary.parent() else { return Vec::new() };
    let mut all = vec![folder.join("plugins"), folder.to_owned()];
    all.extend(folder.parent().map(|above| above.join("lib/icescope/plugins")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Daemon = Daemon { uid: 0, gid: 0 };
    const SERVICE: Daemon = Daemon { uid: 990, gid: 990 };
    const SHARED: Daemon = Daemon { uid: 990, gid: 100 };

    #[test]
    fn who_may_write_decides() {
        let dir = |uid, gid, mode| Owned { uid, gid, mode, is_dir: true };
        let file = |uid, gid, mode| Owned { is_dir: false, ..dir(uid, gid, mode) };
        for (what, daemon, expected) in [
            (dir(0, 0, 0o755), ROOT, None),
            (dir(990, 990, 0o755), SERVICE, None),
            (dir(990, 990, 0o775), SERVICE, None),
            (dir(990, 100, 0o775), SHARED, Some("chmod g-w")),
            (dir(990, 990, 0o755), ROOT, Some("chown root")),
            (dir(1000, 1000, 0o755), SERVICE, Some("chown root")),
            (dir(0, 0, 0o777), SERVICE, Some("chmod o-w")),
            (dir(0, 50, 0o2775), SERVICE, Some("chmod g-w")),
            (dir(0, 50, 0o777), SERVICE, Some("chmod go-w")),
            (dir(0, 0, 0o1777), SERVICE, None),
            (dir(990, 990, 0o1777), SERVICE, Some("chmod o-w")),
            (file(0, 0, 0o1777), SERVICE, Some("chmod o-w")),
            (file(0, 0, 0o644), SERVICE, None),
        ] {
            let got = fault(what, daemon).map(|(_, remedy)| remedy);
            assert_eq!(got, expected, "{what:?} for {daemon:?}");
        }
    }

    #[test]
    fn a_path_is_absolute_or_a_bare_name() {
        let options = Options::new("/nowhere/icescope".into(), Vec::new());
        for path in ["", "a/b", "./a", "..", "/usr/../a", "../a"] {
            assert!(matches!(find(path, &options), Err(Refused::Path { .. })), "{path}");
        }
        assert_eq!(find("/usr/lib/p.so", &options).unwrap(), Path::new("/usr/lib/p.so"));
    }

    #[test]
    fn a_bare_name_is_told_where_it_was_looked_for() {
        let mut options = Options::new("/nowhere/icescope".into(), Vec::new());
        options.plugin_dir = Some("/no/such/folder".into());
        let refused = find("video-test", &options).unwrap_err().to_string();
        assert!(
            refused.contains("/no/such/folder") && refused.contains("libicescope_video_test.so"),
            "{refused}"
        );
    }
}
