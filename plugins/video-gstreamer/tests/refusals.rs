//! What the plugin says when it cannot do what the configuration asks.

use std::time::Duration;

use icescope_plugin_sdk::abi;
use icescope_plugin_sdk::testing::{FakeHost, Refusal};
use icescope_video_gstreamer::icescope_module;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);

fn refused(config: &Value) -> Refusal {
    FakeHost::new().create(icescope_module(), "org.icescope.video.gstreamer", config).expect_err("a refusal")
}

fn refused_pipeline(pipeline: &str) -> String {
    let refusal = refused(&json!({ "pipeline": pipeline }));
    assert_eq!((refusal.status, refusal.pointer.as_str()), (abi::ICS_E_CONFIG, "/pipeline"), "{refusal:?}");
    refusal.message
}

#[test]
fn a_missing_element_is_named_with_its_debian_package() {
    let message = refused_pipeline("nosuchthingsrc ! videoconvert");
    assert!(
        message.starts_with("GStreamer has no element «nosuchthingsrc»; Debian names the package with"),
        "{message}"
    );
    gstreamer::init().unwrap();
    if gstreamer::ElementFactory::find("libcamerasrc").is_some() {
        eprintln!("SKIPPED: libcamerasrc is installed here, so its absence cannot be shown");
        return;
    }
    let message = refused_pipeline("libcamerasrc ! videoconvert");
    assert_eq!(
        message,
        "GStreamer has no element «libcamerasrc»; Debian has it in the package gstreamer1.0-libcamera: \
         apt-get install gstreamer1.0-libcamera"
    );
}

#[test]
fn a_description_that_cannot_be_a_source_is_explained() {
    let message = refused_pipeline("videotestsrc ! ! videoconvert");
    assert!(
        message.starts_with("GStreamer does not understand «videotestsrc ! ! videoconvert»: "),
        "{message}"
    );
    let message = refused_pipeline("videotestsrc patern=smpte");
    assert!(message.contains("patern"), "{message}");
    assert!(refused_pipeline("videotestsrc ! fakesink").contains("has no open output"));
    assert!(
        refused_pipeline("videotestsrc ! videoconvert videotestsrc").contains("has several open outputs")
    );
}

#[test]
fn sound_and_coded_video_are_not_taken_for_a_picture() {
    let message = refused_pipeline("audiotestsrc is-live=true");
    assert_eq!(message, "«audiotestsrc is-live=true» makes audio/x-raw; raw video is wanted");
    assert!(refused_pipeline("videotestsrc ! vp8enc").contains("makes video/x-vp8; raw video is wanted"));
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let host = FakeHost::new();
    let config = json!({ "pipeline": "v4l2src device=/dev/video-that-is-not-there" });
    let mut source = host.create(icescope_module(), "org.icescope.video.gstreamer", &config).unwrap();
    let refusal = source.start(0).unwrap_err();
    assert!(refusal.message.starts_with("opening the configured pipeline: v4l2src"), "{}", refusal.message);
    assert!(refusal.message.contains("/dev/video-that-is-not-there"), "{}", refusal.message);
    assert_eq!(host.seen(|seen| seen.ended.clone()), [], "start itself said it");
}

#[test]
fn what_breaks_while_it_plays_is_told_once() {
    let host = FakeHost::new();
    let config = json!({ "pipeline": "videotestsrc is-live=true ! identity error-after=5", "width": 160, "height": 120 });
    let mut source = host.create(icescope_module(), "org.icescope.video.gstreamer", &config).unwrap();
    source.start(0).unwrap();
    let ended = host.wait(LIMIT, |seen| seen.ended.first().cloned()).expect("its end");
    assert_eq!(ended.0, abi::ICS_E_FAIL);
    assert!(ended.1.starts_with("identity"), "{}", ended.1);
    source.stop(0).unwrap();
    assert_eq!(host.seen(|seen| seen.ended.len()), 1);
}

#[test]
fn wrong_keys_are_named() {
    assert_eq!(refused(&json!({ "frame-rate": 30 })).pointer, "/frame-rate");
    assert_eq!(refused(&json!({ "framerate": "fast" })).pointer, "/framerate");
    assert_eq!(refused(&json!({ "formats": ["VP8", "AV1"] })).pointer, "/formats/1");
    assert_eq!(refused(&json!({ "bit-rate": 5 })).pointer, "/bit-rate");
}
