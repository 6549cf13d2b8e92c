//! Nothing is left behind: descriptors, threads and children return to where they were. Alone in its process, whose
//! descriptors and threads are counted.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod common;

use common::{Bench, options, source, unit, within};
use icescope_model::plugin::Isolation;
use icescope_plugin_host::PluginSpec;
use serde_json::json;

fn entries(of: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{of}")).unwrap().count()
}

/// The children of all threads (a kernel without the list in /proc shows none).
fn children() -> String {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok()).collect()
}

async fn round(isolation: Isolation, folder: &std::path::Path, number: usize) {
    let marker = folder.join(format!("{isolation:?}{number}"));
    let how = if isolation == Isolation::Process { "segfault" } else { "error" };
    let config = json!({"after_frames": 3, "how": how, "once": marker, "push": "owned"});
    let spec = PluginSpec { isolation, ..source("bars", config) };
    let bench = Bench::settled(options(), vec![spec]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    for _ in 0..10 {
        unit(&mut stream).await;
    }
    assert_eq!(children().is_empty(), isolation == Isolation::InProcess);
    within("shutting down", bench.host.shut_down()).await;
}

#[tokio::test]
async fn descriptors_and_threads_return_over_many_starts_and_crashes() {
    let folder = tempfile::tempdir().unwrap();
    for isolation in [Isolation::Process, Isolation::InProcess] {
        round(isolation, folder.path(), 0).await;
        let before = entries("fd");
        for number in 1..20 {
            round(isolation, folder.path(), number).await;
        }
        // A driver in the daemon winds up a moment after its socket is closed.
        within("the descriptors", async {
            while entries("fd") > before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // The test's own, the spawner's, the harness's, and the runtime's for blocking work (at most a few).
        within("the threads", async {
            while entries("task") > 8 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(children(), "");
    }
}
