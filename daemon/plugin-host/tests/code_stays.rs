//! Code stays in the daemon for ever, and the loader knows libraries by path. Alone in its process: other tests would
//! take the descriptors that have to be used again here.

mod common;

use common::{Bench, compile, options, source, within};
use icescope_model::plugin::Isolation;
use icescope_plugin_host::PluginSpec;
use serde_json::json;

/// The id of a plugin that is loaded into the daemon and stopped again.
async fn id(spec: PluginSpec) -> Option<String> {
    let spec = PluginSpec { isolation: Isolation::InProcess, ..spec };
    let bench = Bench::settled(options(), vec![spec]).await;
    let id = bench.host.status().remove(0).id;
    within("shutting down", bench.host.shut_down()).await;
    id
}

#[tokio::test]
async fn different_libraries_are_not_mistaken_for_each_other_and_equal_ones_are_loaded_once() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path(), "source.c", &[]);
    let c = PluginSpec::new("c", library.to_str().unwrap());
    for _ in 0..2 {
        assert_eq!(id(c.clone()).await.as_deref(), Some("org.icescope.fixture.c"));
        assert_eq!(id(source("rust", json!({}))).await.as_deref(), Some("org.icescope.fixture.source"));
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let code = maps.lines().filter(|line| line.contains("icescope-plugin") && line.contains("r-xp")).count();
    assert_eq!(code, 2, "{maps}");
}
