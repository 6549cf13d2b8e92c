//! What a child process has of the daemon's, and that it ends with it.

mod common;

use std::path::PathBuf;

use common::{Bench, options, source, unit, within};
use serde_json::json;

async fn child() -> (Bench, PathBuf) {
    let bench = Bench::settled(options(), vec![source("bars", json!({}))]).await;
    let process = bench.host.processes().remove(0).1;
    (bench, PathBuf::from(format!("/proc/{process}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_no_descriptors_but_its_own_and_may_gain_no_privileges() {
    // Something of the daemon's that is not closed on exec, as a careless library leaves it.
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("secret")).unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let (bench, proc) = child().await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    unit(&mut stream).await;
    let mut targets: Vec<_> = std::fs::read_dir(proc.join("fd"))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap().display().to_string())
        .map(|target| target.split([':', '(']).next().unwrap().trim_end().to_owned())
        .collect();
    targets.sort_unstable();
    // Standard input; output and errors to the daemon's log; cancellation; the bell; the control socket, once for each
    // direction. The library and the ring are mapped and their descriptors closed.
    assert_eq!(targets, ["/dev/null", "anon_inode", "anon_inode", "pipe", "pipe", "socket", "socket"]);
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_environment_is_clean() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "the daemon of this test has more");
    let (_bench, proc) = child().await;
    let environment = std::fs::read(proc.join("environ")).unwrap();
    for entry in environment.split(|&byte| byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let name = entry.split('=').next().unwrap();
        let allowed = ["PATH", "HOME", "XDG_CACHE_HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
        assert!(allowed.contains(&name), "{entry}");
    }
}

#[test]
fn it_ends_with_its_control_socket_and_does_not_start_without() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let command = || std::process::Command::new(env!("CARGO_BIN_EXE_plugin-host-child"));
    let mut child = command().stdin(std::os::fd::OwnedFd::from(theirs)).spawn().unwrap();
    drop(ours);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let by_hand = command().stdin(std::process::Stdio::null()).output().unwrap();
    let words = String::from_utf8(by_hand.stderr).unwrap();
    assert_eq!(by_hand.status.code(), Some(70));
    assert!(words.contains("the daemon starts this by itself"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_from_outside_comes_again() {
    let (mut bench, proc) = child().await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    unit(&mut stream).await;
    let id: i32 = proc.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let id = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    bench.happens("plugin.crashed", "SIGTERM").await;
    within("the return", async { while !unit(&mut stream).await.discontinuity {} }).await;
}
