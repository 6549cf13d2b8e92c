//! The plugin driven through the contract's raw tables.

use std::time::Duration;

use icescope_plugin_sdk::testing::{Driven, FakeHost, SeenFrame};
use icescope_plugin_sdk::{Control, abi};
use icescope_source_plain::{Config, SCHEMA, icescope_module};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);
const ID: &str = "org.icescope.example.source-plain";

fn source(host: &FakeHost, config: &Value) -> Driven {
    host.create(icescope_module(), ID, config).expect("an instance")
}

fn frames(host: &FakeHost, format: u32, count: usize) -> Vec<SeenFrame> {
    let found = host.wait(LIMIT, |seen| {
        let frames: Vec<_> = seen.frames.iter().filter(|frame| frame.format == format).cloned().collect();
        (frames.len() >= count).then_some(frames)
    });
    found.unwrap_or_else(|| panic!("no {count} frames of format {format}"))
}

#[test]
fn both_formats_play_at_once_and_give_key_frames_on_request() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({ "framerate": 30 }));
    let mimes: Vec<_> = source.formats().unwrap().into_iter().map(|format| format.mime).collect();
    assert_eq!(mimes, ["video/VP8", "video/H264"]);
    source.start(0).unwrap();
    source.start(1).unwrap();
    for format in [0, 1] {
        let before = frames(&host, format, 3);
        assert!(before[0].key && !before[1].key && !before[2].key);
        let steps: Vec<_> = before.windows(2).map(|pair| pair[1].pts_ns - pair[0].pts_ns).collect();
        assert!(steps.iter().all(|step| step % 33_333_333 == 0), "{steps:?}");
        assert!(
            before.iter().all(|frame| (0..1_000_000_000).contains(&(frame.pushed_ns - frame.capture_ns)))
        );
        source.control(format, Control::KeyFrame).unwrap();
        let key = host.wait(LIMIT, |seen| {
            seen.frames
                .iter()
                .filter(|frame| frame.format == format)
                .skip(before.len())
                .find(|frame| frame.key)
                .map(drop)
        });
        key.expect("a key frame");
    }
    source.stop(0).unwrap();
    host.forget();
    assert!(frames(&host, 1, 3).len() >= 3, "the other goes on");
}

#[test]
fn a_pause_ends_with_a_key_frame_after_a_marked_gap() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({ "framerate": 30 }));
    source.start(0).unwrap();
    frames(&host, 0, 2);
    source.control(0, Control::Pause).unwrap();
    source.control(0, Control::Resume).unwrap();
    let resumed = host.wait(LIMIT, |seen| {
        seen.frames.iter().find(|frame| frame.flags & abi::ICS_FRAME_DISCONT != 0).cloned()
    });
    assert!(resumed.expect("it goes on").key);
    let fixed = source.control(0, Control::BitRate { target: 1, max: 1 }).unwrap_err();
    assert_eq!(fixed.status, abi::ICS_E_UNSUPPORTED);
}

#[test]
fn after_a_dropped_frame_comes_a_key_frame() {
    let host = FakeHost::new();
    host.set_push_status(abi::ICS_DROPPED);
    let mut source = source(&host, &json!({ "framerate": 30 }));
    source.start(0).unwrap();
    assert!(frames(&host, 0, 3).iter().all(|frame| frame.key), "nothing else can be decoded");
}

#[test]
fn wrong_keys_are_named() {
    let refused = |config| FakeHost::new().create(icescope_module(), ID, &config).unwrap_err().pointer;
    assert_eq!(refused(json!({ "colour": "blue" })), "/colour");
    assert_eq!(refused(json!({ "color": "#000000" })), "/color");
    assert_eq!(refused(json!({ "width": 100 })), "/width");
    assert_eq!(refused(json!({ "framerate": 0 })), "/framerate");
}

#[test]
fn the_schema_says_what_the_code_reads() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (key, property) in schema["properties"].as_object().unwrap() {
        let config = json!({ key.as_str(): property["default"] });
        assert!(validator.is_valid(&config));
        assert_eq!(
            serde_json::from_value::<Config>(config).unwrap(),
            Config::default(),
            "the default of {key}"
        );
    }
    assert!(!validator.is_valid(&json!({ "color": "#000000" })));
}
