//! Streams outlive crashes; a reload disturbs only what it changes.

mod common;

use common::{Bench, next, number, options, probe, source, unit, within};
use icescope_model::media::{MediaMessage, SourceError};
use icescope_model::plugin::PluginState;
use icescope_plugin_host::{PluginSpec, SourceStream};
use serde_json::json;

/// Takes messages until the stream was interrupted, and tells why.
async fn interruption(stream: &mut SourceStream) -> String {
    loop {
        match next(stream).await {
            MediaMessage::Interrupted { reason } => return reason,
            MediaMessage::Ended { reason } => panic!("ended: {reason}"),
            _ => {}
        }
    }
}

async fn end(stream: &mut SourceStream) -> String {
    loop {
        if let MediaMessage::Ended { reason } = next(stream).await {
            assert!(stream.messages.recv().await.is_none(), "nothing follows");
            return reason;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_after_a_crash_with_a_marked_key_frame_and_its_bit_rate() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"after_frames": 15, "how": "segfault", "once": folder.path().join("crashed")});
    let mut bench = Bench::settled(options(), vec![source("bars", config)]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    unit(&mut stream).await;
    stream.control.send(icescope_model::media::Control::BitRate { target: 7, max: 8 });
    bench.happens("plugin.event", "control").await;
    let reason = within("the crash", interruption(&mut stream)).await;
    assert!(reason.contains("SIGSEGV") && reason.contains("next start in"), "{reason}");
    let first = unit(&mut stream).await;
    assert!(first.key && first.discontinuity);
    for _ in 0..30 {
        assert!(!unit(&mut stream).await.discontinuity);
    }
    assert_eq!(bench.happens("plugin.event", "control").await.attributes["a"], 7, "told to the new one, too");
    assert_eq!(bench.state("bars", PluginState::Ready).await.restarts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_backs_off_says_when_to_try_again_and_a_disabled_one_why() {
    let mut options = options();
    options.backoff.pauses = vec![std::time::Duration::from_mins(1)];
    let specs = vec![
        source("later", json!({"call": "create", "how": "error"})),
        source("never", json!({"refuse": "/fps"})),
    ];
    let bench = Bench::settled(options, specs).await;
    let later = bench.host.open_stream("later", 0).err();
    assert!(matches!(later, Some(SourceError::Starting { retry_after_s: 50..=61, .. })), "{later:?}");
    let never = bench.host.source_formats("never").unwrap_err().to_string();
    assert!(never.contains("/fps: this value is refused"), "{never}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_leaves_what_did_not_change_alone() {
    let same = source("same", json!({}));
    let bench = Bench::settled(options(), vec![same.clone(), source("gone", json!({}))]).await;
    let mut kept = bench.host.open_stream("same", 0).unwrap();
    let mut removed = bench.host.open_stream("gone", 0).unwrap();
    unit(&mut kept).await;
    let before = bench.host.processes();
    within("the reload", bench.host.apply(vec![source("new", json!({})), same])).await;
    let after = bench.host.processes();
    assert_eq!(before[0], after[1], "the same process goes on");
    let names: Vec<_> = bench.host.status().into_iter().map(|status| status.name).collect();
    assert_eq!(names, ["new", "same"]);
    let reason = within("the end", end(&mut removed)).await;
    assert!(reason.contains("taken out of the configuration"), "{reason}");
    unit(&mut bench.host.open_stream("new", 0).unwrap()).await;
    for _ in 0..20 {
        assert!(matches!(next(&mut kept).await, MediaMessage::Unit(_) | MediaMessage::Format(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_over_to_a_changed_source_with_its_first_key_frame() {
    let bench = Bench::settled(options(), vec![source("bars", json!({"mark": 1}))]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    assert_eq!(unit(&mut stream).await.data[9], 1);
    let old = bench.host.processes();
    let reload =
        bench.host.apply(vec![source("bars", json!({"mark": 2, "formats": ["video/VP9", "video/VP8"]}))]);
    let watching = async {
        loop {
            match next(&mut stream).await {
                MediaMessage::Unit(unit) if unit.data[9] == 2 => return unit,
                MediaMessage::Unit(_) | MediaMessage::Format(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let (first, ()) = within("the change", async { tokio::join!(watching, reload) }).await;
    assert!(first.key && first.discontinuity);
    assert_eq!(first.data[8], 1, "the same format, at its new place");
    assert_ne!(bench.host.processes(), old);
    within("the old process's end", async {
        while std::path::Path::new(&format!("/proc/{}", old[0].1)).exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    unit(&mut stream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_format_is_gone_after_a_change_ends() {
    let bench = Bench::settled(options(), vec![source("bars", json!({}))]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    unit(&mut stream).await;
    let reload = bench.host.apply(vec![source("bars", json!({"formats": ["video/VP9"]}))]);
    let (reason, ()) = within("the change", async { tokio::join!(end(&mut stream), reload) }).await;
    assert!(reason.contains("does not offer video/VP8 any more"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_configuration_that_is_refused_leaves_the_old_one_playing() {
    let mut bench = Bench::settled(options(), vec![source("bars", json!({}))]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    unit(&mut stream).await;
    within("the reload", bench.host.apply(vec![source("bars", json!({"fps": "many"}))])).await;
    bench.happens("plugin.refused", "bars: its changed configuration was refused").await;
    let status = bench.status("bars", |status| status.message.is_some()).await;
    assert_eq!(status.state, PluginState::Ready);
    assert!(status.message.unwrap().contains("/fps"));
    while stream.messages.try_recv().is_ok() {}
    assert!(matches!(next(&mut stream).await, MediaMessage::Unit(_)));
    within("the reload", bench.host.apply(vec![source("bars", json!({}))])).await;
    bench.status("bars", |status| status.message.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_plugin_is_started_again_by_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("crashed");
    let mut options = options();
    options.backoff.crashes = 1;
    let specs = vec![probe("nat", json!({"call": "create", "how": "abort", "once": marker}))];
    let bench = Bench::settled(options, specs.clone()).await;
    bench.state("nat", PluginState::Disabled).await;
    within("the reload", bench.host.apply(specs)).await;
    bench.state("nat", PluginState::Ready).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutting_down_does_not_wait_for_one_who_takes_no_frames() {
    let bench = Bench::settled(options(), vec![source("bars", json!({}))]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    bench.status("bars", |status| status.frames_dropped > 0).await;
    let process = bench.host.processes().remove(0).1;
    within("shutting down", bench.host.shut_down()).await;
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    within("the end", async { while stream.messages.recv().await.is_some() {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_library_counts_as_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libsource.so");
    let spec = || PluginSpec { path: path.display().to_string(), ..source("bars", json!({})) };
    std::fs::copy(common::fixtures(), &path).unwrap();
    let bench = Bench::settled(options(), vec![spec()]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    assert_eq!(number(&unit(&mut stream).await), 0);
    let before = bench.host.processes();
    within("the reload", bench.host.apply(vec![spec()])).await;
    assert_eq!(bench.host.processes(), before);
    // As a package manager does it: another file under the same name.
    std::fs::copy(common::fixtures(), folder.path().join("new")).unwrap();
    std::fs::rename(folder.path().join("new"), &path).unwrap();
    let change = async {
        while !matches!(next(&mut stream).await, MediaMessage::Unit(unit) if unit.discontinuity && number(&unit) == 0)
        {
        }
    };
    within("the change", async { tokio::join!(change, bench.host.apply(vec![spec()])) }).await;
    assert_ne!(bench.host.processes(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_takes_from_comes_back_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"after_frames": 40, "how": "abort", "once": folder.path().join("crashed")});
    let bench = Bench::settled(options(), vec![source("bars", config)]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    bench.status("bars", |status| status.restarts == 1 && status.state == PluginState::Ready).await;
    // Its queue runs full again, so it plays.
    let before = bench.host.status()[0].frames_dropped;
    bench.status("bars", |status| status.frames_dropped > before + 20).await;
    assert!(within("the crash", interruption(&mut stream)).await.contains("SIGABRT"));
    let first = unit(&mut stream).await;
    assert!(first.key && first.discontinuity);
}
