//! Frames and words that break the contract: refused, counted, told; and nothing else happens.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod common;

use common::{Bench, number, options, source, unit, within};
use icescope_model::media::{Control, MediaMessage};
use icescope_model::plugin::PluginState;
use serde_json::json;

/// What the daemon logs.
mod log {
    use std::io::Write;
    use std::sync::{Arc, LazyLock, Mutex};

    /// Everything that was logged in this test process.
    pub static LOGGED: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
        let logged = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&logged);
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || Writer(Arc::clone(&writer)))
            .init();
        logged
    });

    pub struct Writer(Arc<Mutex<Vec<u8>>>);

    impl Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    pub fn lines(plugin: &str) -> Vec<String> {
        let logged = LOGGED.lock().unwrap().clone();
        let mark = format!("plugin=\"{plugin}\"");
        String::from_utf8_lossy(&logged)
            .lines()
            .filter(|line| line.contains(&mark))
            .map(str::to_owned)
            .collect()
    }
}

/// Waits until the plugin's log has a line with this text.
async fn logged(plugin: &str, text: &str) -> String {
    within(text, async {
        loop {
            if let Some(line) = log::lines(plugin).into_iter().find(|line| line.contains(text)) {
                return line;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn misuse(name: &str, push: &str, text: &str) -> Bench {
    std::sync::LazyLock::force(&log::LOGGED);
    let bench = Bench::settled(options(), vec![source(name, json!({"push": push, "fps": 50}))]).await;
    let stream = bench.host.open_stream(name, 0).unwrap();
    logged(name, text).await;
    let status = bench.state(name, PluginState::Ready).await;
    assert_eq!(status.restarts, 0, "what is refused does not bring it down");
    drop(stream);
    bench
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giant_frames_are_refused_and_told() {
    let bench = misuse("giant", "giant", "a frame of 67108864 bytes").await;
    bench.status("giant", |status| status.frames_dropped > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_a_format_that_there_is_not_are_refused_and_told() {
    misuse("format", "wrong-format", "a frame for format 77; it has told 1 formats").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_with_a_wrong_size_field_are_refused_and_told() {
    misuse("size", "wrong-size", "without a frame, or one with a wrong size").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_after_stop_are_refused() {
    let mut bench = Bench::settled(options(), vec![source("late", json!({"push": "after-stop"}))]).await;
    let mut stream = bench.host.open_stream("late", 0).unwrap();
    unit(&mut stream).await;
    drop(stream);
    assert_eq!(bench.happens("plugin.event", "stopped").await.attributes["refused"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_is_not_utf8_is_shown_lossily_and_what_is_printed_is_logged() {
    std::sync::LazyLock::force(&log::LOGGED);
    let config = json!({"bad_text": true, "print": "printed by the child"});
    let _bench = Bench::settled(options(), vec![source("text", config)]).await;
    logged("text", "bad \u{fffd}\u{fffd} text").await;
    logged("text", "1 texts were not UTF-8").await;
    logged("text", "printed by the child").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_events_and_logs_are_cut_and_counted() {
    std::sync::LazyLock::force(&log::LOGGED);
    let bench =
        Bench::settled(options(), vec![source("flood", json!({"events": 20_000, "logs": 20_000}))]).await;
    let status = bench.status("flood", |status| status.events_dropped >= 15_000).await;
    assert!(status.events_dropped < 20_000);
    unit(&mut bench.host.open_stream("flood", 0).unwrap()).await;
    let lines = log::lines("flood").len();
    assert!((100..2_000).contains(&lines), "{lines} of 20000 lines");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_flood_drops_to_the_next_key_frame_asks_for_one_and_counts() {
    let mut bench =
        Bench::settled(options(), vec![source("fast", json!({"push": "flood", "gop": 1_000_000_000}))]).await;
    let mut stream = bench.host.open_stream("fast", 0).unwrap();
    let mut last = number(&unit(&mut stream).await);
    // Nobody takes any: the queue runs full, and the status says so.
    bench.status("fast", |status| status.frames_dropped > 100).await;
    let mut jumps = 0;
    within("frames after a drop", async {
        while jumps < 3 {
            let unit = unit(&mut stream).await;
            if number(&unit) != last + 1 {
                assert!(unit.key && unit.discontinuity, "after a drop a marked key frame comes first");
                jumps += 1;
            }
            last = number(&unit);
        }
    })
    .await;
    // The fixture makes no key frames by itself: the host asked.
    assert_eq!(bench.happens("plugin.event", "control").await.attributes["op"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owned_frames_are_released_once_also_when_many_are_dropped() {
    let mut bench =
        Bench::settled(options(), vec![source("owned", json!({"push": "owned", "fps": 2_000}))]).await;
    let mut stream = bench.host.open_stream("owned", 0).unwrap();
    unit(&mut stream).await;
    bench.status("owned", |status| status.frames_dropped > 100).await;
    drop(stream);
    let counts = bench.happens("plugin.event", "stopped").await.attributes;
    assert_eq!((&counts["taken"], &counts["twice"]), (&counts["released"], &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lent_memory_crosses_and_a_second_release_does_no_harm() {
    for formats in [json!(["video/VP8"]), json!(["video/VP8", "video/VP9"])] {
        let config = json!({"push": "alloc", "fps": 500, "formats": formats});
        let bench = Bench::settled(options(), vec![source("lent", config)]).await;
        let count = formats.as_array().unwrap().len();
        let mut streams: Vec<_> =
            (0..count).map(|format| bench.host.open_stream("lent", format).unwrap()).collect();
        for stream in &mut streams {
            unit(stream).await;
        }
        bench.status("lent", |status| status.frames_dropped > 50).await;
        for (index, stream) in streams.iter_mut().enumerate() {
            for _ in 0..50 {
                let unit = unit(stream).await;
                assert_eq!((unit.data.len(), unit.data[8]), (1_000, index as u8));
                assert!(unit.data[10..].iter().all(|&byte| byte == 0xAA));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_ends_well_ends_its_stream_and_one_that_dies_is_started_again() {
    let specs =
        vec![source("film", json!({"end_after": [5, 0]})), source("camera", json!({"end_after": [5, -1]}))];
    let mut bench = Bench::settled(options(), specs).await;
    let mut film = bench.host.open_stream("film", 0).unwrap();
    let mut camera = bench.host.open_stream("camera", 0).unwrap();
    within("the film's end", async {
        loop {
            if let MediaMessage::Ended { reason } = common::next(&mut film).await {
                return assert!(reason.contains("ends as it was told"), "{reason}");
            }
        }
    })
    .await;
    assert!(film.messages.recv().await.is_none());
    assert_eq!(bench.state("film", PluginState::Ready).await.restarts, 0);
    bench.happens("plugin.failed", "camera: its source ended").await;
    within("the camera's return", async {
        while !matches!(common::next(&mut camera).await, MediaMessage::Interrupted { .. }) {}
        let first = unit(&mut camera).await;
        assert!(first.key && first.discontinuity);
    })
    .await;
    camera.control.send(Control::KeyFrame);
}
