//! Sources play: in both isolations, over crashes and reloads.

mod common;

use common::{Bench, next, number, options, source, unit, within};
use icescope_model::media::{Control, MediaMessage, SourceError};
use icescope_model::plugin::{Isolation, PluginState};
use icescope_plugin_host::PluginSpec;
use serde_json::json;

fn isolations(spec: &PluginSpec) -> [PluginSpec; 2] {
    [Isolation::Process, Isolation::InProcess].map(|isolation| PluginSpec { isolation, ..spec.clone() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_come_in_order_whole_and_begin_with_a_key_frame() {
    for spec in isolations(&source("bars", json!({}))) {
        let bench = Bench::settled(options(), vec![spec.clone()]).await;
        let status = bench.state("bars", PluginState::Ready).await;
        assert_eq!(status.kind.as_deref(), Some("icescope.video-source/1"));
        assert_eq!(bench.host.source_formats("bars").unwrap()[0].mime, "video/VP8");
        let mut stream = bench.host.open_stream("bars", 0).unwrap();
        let MediaMessage::Format(format) = next(&mut stream).await else {
            panic!("the size settles at start")
        };
        assert_eq!((format.width, format.height, format.frame_rate), (640, 480, (100, 1)));
        let first = unit(&mut stream).await;
        assert!(first.key && !first.discontinuity);
        assert_eq!((number(&first), first.data.len()), (0, 1_000));
        assert!(first.data[10..].iter().all(|&byte| byte == 0xAA));
        for expected in 1..50 {
            let unit = unit(&mut stream).await;
            assert_eq!(number(&unit), expected, "{:?}", spec.isolation);
            assert_eq!(unit.key, expected % 10 == 0);
            assert_eq!(unit.pts_ns, expected as i64 * 10_000_000);
        }
        within("shutting down", bench.host.shut_down()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controls_reach_the_plugin() {
    let mut bench = Bench::settled(options(), vec![source("bars", json!({"gop": 1000}))]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    unit(&mut stream).await;
    stream.control.send(Control::BitRate { target: 500_000, max: 700_000 });
    let told = bench.happens("plugin.event", "control").await;
    assert_eq!(
        (&told.attributes["op"], &told.attributes["a"], &told.attributes["b"]),
        (&json!(2), &json!(500_000), &json!(700_000))
    );
    stream.control.send(Control::KeyFrame);
    within("a key frame", async { while !unit(&mut stream).await.key {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_of_a_format_at_a_time_and_two_formats_beside_each_other() {
    let bench =
        Bench::settled(options(), vec![source("bars", json!({"formats": ["video/VP8", "video/VP9"]}))]).await;
    let mut vp8 = bench.host.open_stream("bars", 0).unwrap();
    assert!(
        matches!(bench.host.open_stream("bars", 0), Err(SourceError::Failed { reason, .. }) if reason.contains("open already"))
    );
    let mut vp9 = bench.host.open_stream("bars", 1).unwrap();
    assert_eq!(unit(&mut vp8).await.data[8], 0);
    assert_eq!(unit(&mut vp9).await.data[8], 1);
    drop(vp8);
    let mut again = bench.host.open_stream("bars", 0).unwrap();
    assert_eq!(number(&unit(&mut again).await), 0, "started anew");
    assert!(matches!(bench.host.open_stream("bars", 9), Err(SourceError::Failed { .. })));
    assert!(
        matches!(bench.host.open_stream("nobody", 0), Err(SourceError::Unknown { known, .. }) if known == "bars")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_stream_stops_it_in_the_plugin() {
    for spec in isolations(&source("bars", json!({"push": "owned"}))) {
        let mut bench = Bench::settled(options(), vec![spec]).await;
        let mut stream = bench.host.open_stream("bars", 0).unwrap();
        for _ in 0..20 {
            unit(&mut stream).await;
        }
        drop(stream);
        let stopped = bench.happens("plugin.event", "stopped").await;
        assert_eq!(
            stopped.attributes["taken"], stopped.attributes["released"],
            "each taken frame is released"
        );
        assert!(stopped.attributes["taken"].as_u64().unwrap() >= 20);
        assert_eq!(stopped.attributes["twice"], 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_does_not_begin_with_a_key_frame_is_asked_for_one() {
    let config = json!({"first": 5, "gop": 1_000_000});
    let mut bench = Bench::settled(options(), vec![source("bars", config)]).await;
    let mut stream = bench.host.open_stream("bars", 0).unwrap();
    let first = unit(&mut stream).await;
    assert!(first.key && number(&first) > 5, "what came before it cannot be decoded");
    assert_eq!(bench.happens("plugin.event", "control").await.attributes["op"], 1);
    assert!(bench.host.status()[0].frames_dropped > 0);
}
