//! Plugins driven through the raw tables, as the daemon drives them.

mod plugins;

use std::time::Duration;

use icescope_plugin_sdk::testing::{Driven, FakeHost, Refusal};
use icescope_plugin_sdk::{Control, Format, abi};
use plugins::icescope_module;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(10);

fn source(host: &FakeHost, panic_in: &str) -> Driven {
    let config = json!({ "panic-in": panic_in });
    host.create(icescope_module(), "org.example.source", &config).expect("an instance")
}

#[test]
fn the_module_says_what_the_macro_was_told() {
    let module = icescope_module();
    assert_eq!((module.size, module.abi_minor, module.n_plugins), (24, abi::ICS_ABI_MINOR, 2));
    // SAFETY: what a module shows is static.
    let plugin = unsafe { **module.plugins };
    // SAFETY: as above.
    let texts = unsafe {
        [plugin.id, plugin.kind, plugin.version, plugin.license].map(|text| text.to_string_lossy())
    };
    assert_eq!(texts, ["org.example.source", "icescope.video-source/1", "1.2.3", "MIT"]);
    assert_eq!(plugins::icescope_module_v1(), std::ptr::from_ref(module));
}

#[test]
fn a_source_plays_from_create_to_destroy() {
    let host = FakeHost::new();
    let mut source = source(&host, "");
    let formats = source.formats().unwrap();
    let expected = Format {
        bitstream: icescope_plugin_sdk::Bitstream::Frame,
        mime: "video/VP8".into(),
        fmtp: String::new(),
        width: 64,
        height: 48,
        frame_rate: (30, 1),
        bit_rate: Some((1, 2)),
    };
    assert_eq!(formats, [expected]);
    source.start(0).unwrap();
    let frame = host.wait(LIMIT, |seen| seen.frames.first().cloned()).expect("a frame");
    assert!(frame.key && frame.data == b"owned", "{frame:?}");
    source.control(0, Control::BitRate { target: 5, max: 6 }).unwrap();
    host.wait(LIMIT, |seen| seen.log.iter().find(|line| line.2.contains("target=5")).map(drop))
        .expect("it came in");
    source.stop(0).unwrap();
    assert_eq!(source.stop(0).unwrap_err().status, abi::ICS_E_INVALID, "it was stopped already");
    assert_eq!(source.start(7).unwrap_err().status, abi::ICS_E_INVALID);
    source.start(0).unwrap();
    assert_eq!(source.start(0).unwrap_err().status, abi::ICS_E_INVALID, "it runs already");
    drop(source);
    assert!(host.seen(|seen| seen.log.iter().any(|line| line.2 == "stopped")), "destroy stops what runs");
}

#[test]
fn each_way_to_hand_over_bytes_releases_them_once() {
    for status in [abi::ICS_OK, abi::ICS_DROPPED, abi::ICS_E_STOPPING] {
        let host = FakeHost::new();
        host.set_push_status(status);
        let mut source = source(&host, "");
        source.start(0).unwrap();
        let pushed = match status {
            abi::ICS_OK => "Taken",
            abi::ICS_DROPPED => "Dropped",
            _ => "Stopping",
        };
        let want = format!("{pushed} {pushed} {pushed}");
        host.wait(LIMIT, |seen| seen.log.iter().find(|line| line.2 == want).map(drop)).expect(&want);
        let data: Vec<_> = host.seen(|seen| seen.frames.iter().map(|frame| frame.data.clone()).collect());
        assert_eq!(data, [&b"owned"[..], b"borrowed", b"host's"]);
        drop(source);
        assert_eq!(host.seen(|seen| seen.released), 2, "one was pushed, one given back unused");
        let dropped = host.seen(|seen| seen.log.iter().filter(|line| line.2 == "owner dropped").count());
        assert_eq!(dropped, 1, "the owned bytes are dropped once");
    }
}

#[test]
fn no_room_in_the_hosts_memory_is_said_and_not_fatal() {
    let host = FakeHost::new();
    host.set_alloc_limit(0);
    let mut source = source(&host, "");
    source.start(0).unwrap();
    host.wait(LIMIT, |seen| seen.log.iter().find(|line| line.2 == "Taken Taken none").map(drop))
        .expect("it is said");
}

/// Creates a source that panics in `call`, brings it there, and gives what came back.
fn panicking(host: &FakeHost, call: &str) -> Option<Refusal> {
    let config = json!({ "panic-in": call });
    let mut source = match host.create(icescope_module(), "org.example.source", &config) {
        Ok(source) => source,
        Err(refusal) => return Some(refusal),
    };
    let result = match call {
        "formats" => source.formats().map(drop),
        "control" => source.start(0).and_then(|()| source.control(0, Control::KeyFrame)),
        "stop" => source.start(0).and_then(|()| source.stop(0)),
        _ => source.start(0),
    };
    if result.is_err() {
        assert_eq!(
            source.formats().expect_err("refused").status,
            abi::ICS_E_PANIC,
            "the instance is not used any more"
        );
    }
    result.err()
}

#[test]
fn a_panic_in_each_call_becomes_an_error_with_its_place_and_the_log_has_it() {
    for call in ["create", "formats", "start", "control", "stop", "drop"] {
        let host = FakeHost::new();
        let refusal = panicking(&host, call);
        assert_eq!(
            refusal.as_ref().map(|refusal| refusal.status),
            (call != "drop").then_some(abi::ICS_E_PANIC)
        );
        if let Some(refusal) = refusal.filter(|_| ["create", "start"].contains(&call)) {
            assert!(refusal.message.starts_with(&format!("{call}: panicked at ")), "{refusal:?}");
            assert!(refusal.message.contains("plugins/mod.rs:"), "{refusal:?}");
            assert!(refusal.message.ends_with(&format!("on purpose in {call}")), "{refusal:?}");
        }
        let text = format!("on purpose in {call}");
        let log = host.seen(|seen| seen.log.clone());
        assert!(
            log.iter().any(|(_, target, line)| target == "panic" && line.contains(&text)),
            "{call}: {log:?}"
        );
    }
}

#[test]
fn a_panic_in_a_thread_is_told_as_the_sources_end() {
    let host = FakeHost::new();
    assert_eq!(panicking(&host, "thread"), None);
    let ended = host.wait(LIMIT, |seen| seen.ended.first().cloned()).expect("its end is told");
    assert_eq!(ended.0, abi::ICS_E_PANIC);
    assert!(ended.1.contains("on purpose in thread"), "{ended:?}");
}

#[test]
fn a_wrong_configuration_is_named_by_its_pointer() {
    let host = FakeHost::new();
    let refused =
        |config: &str| host.create_raw(icescope_module(), "org.example.source", config).unwrap_err();
    let unknown = refused(r#"{"panic-in": "", "nested": {"a/b": 1}}"#);
    assert_eq!((unknown.status, unknown.pointer.as_str()), (abi::ICS_E_CONFIG, "/nested/a~1b"));
    let wrong = refused(r#"{"nested": {"number": "x"}}"#);
    assert_eq!((wrong.status, wrong.pointer.as_str()), (abi::ICS_E_CONFIG, "/nested/number"));
    let own = refused(r#"{"nested": {"number": 13}}"#);
    assert_eq!((own.pointer.as_str(), own.message.as_str()), ("/nested/number", "13 is not allowed here"));
    let long = refused(&format!(r#"{{"{}": 1}}"#, "ü".repeat(200)));
    assert_eq!(long.pointer.len(), 127, "cut at a whole character: {}", long.pointer);
    assert_eq!(refused("\u{0}").status, abi::ICS_E_CONFIG);
}

#[test]
fn unknown_and_short_controls_are_refused() {
    let host = FakeHost::new();
    let mut source = source(&host, "");
    source.start(0).unwrap();
    let raw = abi::IcsControl { size: 32, op: 99, format: 0, reserved: 0, a: 0, b: 0 };
    assert_eq!(source.control_raw(&raw).unwrap_err().status, abi::ICS_E_UNSUPPORTED);
    assert_eq!(
        source.control_raw(&abi::IcsControl { size: 8, ..raw }).unwrap_err().status,
        abi::ICS_E_INVALID
    );
    assert_eq!(
        source.control_raw(&abi::IcsControl { format: 3, ..raw }).unwrap_err().status,
        abi::ICS_E_INVALID
    );
    assert!(!source.has(c"icescope.probe/1"));
}

#[test]
fn the_log_has_what_tracing_was_told_at_the_hosts_level() {
    let host = FakeHost::new();
    host.set_log_level(abi::ICS_WARN);
    let mut source = source(&host, "");
    source.start(0).unwrap();
    host.wait(LIMIT, |seen| (seen.frames.len() >= 3).then_some(())).expect("frames");
    let traced = host
        .seen(|seen| seen.log.iter().filter(|line| line.1.contains("plugins")).cloned().collect::<Vec<_>>());
    assert_eq!(traced, [], "info is not wanted");
    host.set_log_level(abi::ICS_INFO);
    source.control(0, Control::Pause).unwrap();
    let line = host
        .wait(LIMIT, |seen| seen.log.iter().find(|line| line.2 == "control Pause").cloned())
        .expect("a line");
    assert_eq!(line.0, abi::ICS_INFO);
    assert!(line.1.contains("plugins"), "the target is the module: {line:?}");
}

#[test]
fn a_handle_that_outlives_its_instance_reaches_nobody() {
    let host = FakeHost::new();
    let source = source(&host, "");
    let kept = plugins::last_host();
    assert!(kept.now_ns() > 0);
    drop(source);
    let before = host.seen(|seen| (seen.log.len(), seen.events.len()));
    kept.log(icescope_plugin_sdk::Level::Error, "late", "late");
    assert!(!kept.event("org.example.late/1").emit());
    assert!(kept.cancelled(), "what outlives its instance has to wind up");
    assert_eq!(host.seen(|seen| (seen.log.len(), seen.events.len())), before);
}
