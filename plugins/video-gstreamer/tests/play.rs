//! The plugin with real GStreamer, driven through the contract's raw tables.

mod decode;

use std::time::Duration;

use decode::{decode, near, pixel};
use icescope_plugin_sdk::testing::{Driven, FakeHost, SeenFrame};
use icescope_plugin_sdk::{Control, abi};
use icescope_video_gstreamer::icescope_module;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);
const VP8: u32 = 0;
const H264: u32 = 1;

fn source(host: &FakeHost, config: &Value) -> Driven {
    host.create(icescope_module(), "org.icescope.video.gstreamer", config).expect("an instance")
}

/// Waits for `count` frames of a format.
fn frames(host: &FakeHost, format: u32, count: usize) -> Vec<SeenFrame> {
    let found = host.wait(LIMIT, |seen| {
        let frames: Vec<_> = seen.frames.iter().filter(|frame| frame.format == format).cloned().collect();
        (frames.len() >= count).then_some(frames)
    });
    found.unwrap_or_else(|| {
        panic!("no {count} frames of format {format}: {:?}", host.seen(|seen| seen.log.clone()))
    })
}

fn data(frames: &[SeenFrame]) -> Vec<Vec<u8>> {
    frames.iter().map(|frame| frame.data.clone()).collect()
}

#[test]
fn the_default_is_colour_bars_and_begins_with_a_key_frame() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({}));
    let formats = source.formats().unwrap();
    let said: Vec<_> = formats.iter().map(|format| (format.mime.as_str(), format.fmtp.as_str())).collect();
    let h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    assert_eq!(said, [("video/VP8", ""), ("video/H264", h264)]);
    let facts = (formats[0].width, formats[0].height, formats[0].frame_rate, formats[0].bit_rate);
    assert_eq!(facts, (640, 480, (30, 1), Some((100_000, 4_000_000))));
    for (format, mime) in [(VP8, "video/VP8"), (H264, "video/H264")] {
        host.forget();
        source.start(format).unwrap();
        let frames = frames(&host, format, 10);
        source.stop(format).unwrap();
        assert!(frames[0].key, "{mime}: the first frame is a key frame");
        assert!(frames[1..].iter().all(|frame| !frame.key), "{mime}: and no other unless asked for");
        let pictures = decode(mime, (640, 480), &data(&frames));
        assert_eq!(pictures.len(), frames.len());
        // The seven upper bars of SMPTE EG 1; GStreamer's pattern has them at 100 %.
        let bars = [
            (255, 255, 255),
            (255, 255, 0),
            (0, 255, 255),
            (0, 255, 0),
            (255, 0, 255),
            (255, 0, 0),
            (0, 0, 255),
        ];
        for (index, (r, g, b)) in bars.into_iter().enumerate() {
            let seen = pixel(&pictures[5], 640, index * 640 / 7 + 45, 100);
            assert!(near(seen, [r, g, b]), "{mime}: bar {index} is {seen:?}");
        }
    }
}

#[test]
fn time_stamps_are_even_and_capture_time_is_the_hosts_clock() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({}));
    for format in [VP8, H264] {
        host.forget();
        source.start(format).unwrap();
        let frames = frames(&host, format, 20);
        source.stop(format).unwrap();
        for pair in frames.windows(2) {
            let step = pair[1].pts_ns - pair[0].pts_ns;
            assert!((33_000_000..34_000_000).contains(&step), "a step of {step} ns");
            assert!((33_000_000..34_000_000).contains(&pair[0].duration_ns));
        }
        assert!(frames[0].pts_ns < 10_000_000_000, "from the stream's start, without the encoder's shift");
        let delays: Vec<_> = frames.iter().map(|frame| frame.pushed_ns - frame.capture_ns).collect();
        assert!(delays.iter().all(|delay| (0..1_000_000_000).contains(delay)), "{delays:?}");
    }
}

#[test]
fn a_key_frame_comes_when_it_is_asked_for_and_carries_its_headers() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({}));
    for format in [VP8, H264] {
        source.start(format).unwrap();
        let before = frames(&host, format, 10).len();
        source.control(format, Control::KeyFrame).unwrap();
        let after = host.wait(LIMIT, |seen| {
            let frames = seen.frames.iter().filter(|frame| frame.format == format);
            frames
                .enumerate()
                .skip(before)
                .find(|(_, frame)| frame.key)
                .map(|(index, frame)| (index, frame.clone()))
        });
        let (index, key) = after.expect("a key frame");
        assert!(index <= before + 4, "asked after frame {before}, came as frame {index}");
        if format == H264 {
            assert_eq!(nal_types(&key.data)[..3], [7, 8, 5], "SPS, PPS, then the IDR picture in one slice");
        } else {
            assert_eq!(key.data[0] & 1, 0, "RFC 6386 §9.1: a key frame");
            assert_eq!(key.data[3..6], [0x9d, 0x01, 0x2a]);
        }
    }
}

/// NAL unit types of an Annex B access unit, without access unit delimiters and SEI.
fn nal_types(unit: &[u8]) -> Vec<u8> {
    let starts = unit.windows(4).filter(|bytes| bytes[..3] == [0, 0, 1]);
    starts.map(|bytes| bytes[3] & 31).filter(|kind| ![6, 9].contains(kind)).collect()
}

#[test]
fn h264_is_constrained_baseline_with_one_slice_per_frame() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({ "formats": ["H264"] }));
    source.start(0).unwrap();
    let frames = frames(&host, 0, 5);
    let sps = frames[0]
        .data
        .windows(7)
        .find(|bytes| bytes[..3] == [0, 0, 1] && bytes[3] & 31 == 7)
        .expect("an SPS");
    assert_eq!(sps[4], 66, "profile_idc: baseline");
    assert_eq!(sps[5] & 0x40, 0x40, "constraint_set1_flag: constrained");
    assert!(sps[6] <= 31, "level_idc {} is above what the SDP says", sps[6]);
    assert!(frames[1..].iter().all(|frame| nal_types(&frame.data) == [1]), "one slice each");
}

#[test]
fn the_bit_rate_follows_what_is_asked() {
    // The bars have a field of noise: an encoder fills what it is given.
    let host = FakeHost::new();
    let mut source = source(&host, &json!({}));
    for format in [VP8, H264] {
        source.start(format).unwrap();
        let mut rates = Vec::new();
        for target in [1_000_000, 2_000_000] {
            source.control(format, Control::BitRate { target, max: target }).unwrap();
            host.forget();
            // A second to get there, and then two of measuring.
            let frames = frames(&host, format, 90);
            let bytes: usize = frames[30..90].iter().map(|frame| frame.data.len()).sum();
            rates.push((target as f64, bytes as f64 * 8.0 / 2.0));
        }
        source.stop(format).unwrap();
        for (target, rate) in &rates {
            assert!((0.8..1.2).contains(&(rate / target)), "format {format}: {rates:?} bit/s");
        }
    }
}

#[test]
fn two_formats_share_the_picture_and_one_may_stop_or_pause_while_the_other_goes_on() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({ "width": 160, "height": 120 }));
    source.start(H264).unwrap();
    frames(&host, H264, 5);
    source.start(VP8).unwrap();
    assert!(frames(&host, VP8, 5)[0].key);

    source.control(VP8, Control::Pause).unwrap();
    let vp8_before = host.seen(|seen| seen.frames.iter().filter(|frame| frame.format == VP8).count());
    let h264_before = host.seen(|seen| seen.frames.iter().filter(|frame| frame.format == H264).count());
    frames(&host, H264, h264_before + 15);
    let vp8_after = host.seen(|seen| seen.frames.iter().filter(|frame| frame.format == VP8).count());
    assert!(vp8_after <= vp8_before + 1, "paused, but {} frames came", vp8_after - vp8_before);
    source.control(VP8, Control::Resume).unwrap();
    let first = frames(&host, VP8, vp8_after + 1)[vp8_after].clone();
    assert!(
        first.key && first.flags & abi::ICS_FRAME_DISCONT != 0,
        "it goes on with a key frame after the gap"
    );

    source.stop(VP8).unwrap();
    let before = frames(&host, H264, 1).len();
    let h264 = frames(&host, H264, before + 10);
    let gaps: Vec<_> = h264.windows(2).map(|pair| pair[1].pts_ns - pair[0].pts_ns).collect();
    assert!(gaps.iter().all(|gap| *gap < 34_000_000), "no frame of the other format was lost: {gaps:?}");
    assert_eq!(h264.iter().filter(|frame| frame.key).count(), 1);
    source.stop(H264).unwrap();
    source.start(VP8).unwrap();
    assert_eq!(host.seen(|seen| seen.ended.clone()), [], "nothing broke");
}

#[test]
fn a_source_that_all_have_paused_rests_and_goes_on() {
    let host = FakeHost::new();
    let mut source = source(&host, &json!({ "width": 160, "height": 120 }));
    source.start(VP8).unwrap();
    frames(&host, VP8, 3);
    source.control(VP8, Control::Pause).unwrap();
    host.forget();
    source.control(VP8, Control::Resume).unwrap();
    let frames = frames(&host, VP8, 3);
    let key =
        frames.iter().position(|frame| frame.flags & abi::ICS_FRAME_DISCONT != 0).expect("a marked gap");
    assert!(frames[key].key);
}

#[test]
fn an_operators_pipeline_is_converted_and_its_frame_rate_is_told() {
    let pipeline = "videotestsrc is-live=true pattern=blue ! video/x-raw,format=YUY2,width=320,height=240,framerate=10/1";
    let host = FakeHost::new();
    let mut source = source(&host, &json!({ "pipeline": pipeline, "width": 160, "height": 120 }));
    source.start(VP8).unwrap();
    let frames = frames(&host, VP8, 3);
    assert_eq!(source.formats().unwrap()[0].frame_rate, (10, 1), "what it makes, not what was set");
    let picture = &decode("video/VP8", (160, 120), &data(&frames))[0];
    assert!(near(pixel(picture, 160, 80, 60), [0, 0, 255]));
}

#[test]
fn a_pipeline_that_is_not_live_is_held_to_the_clock() {
    let host = FakeHost::new();
    let config = json!({ "pipeline": "videotestsrc", "width": 160, "height": 120 });
    let mut source = source(&host, &config);
    source.start(VP8).unwrap();
    let frames = frames(&host, VP8, 31);
    let took = frames[30].pushed_ns - frames[0].pushed_ns;
    assert!(took > 900_000_000, "a second of pictures took {took} ns");
}

#[test]
fn the_end_of_the_pipeline_is_told() {
    let host = FakeHost::new();
    let config =
        json!({ "pipeline": "videotestsrc is-live=true num-buffers=3", "width": 160, "height": 120 });
    let mut source = source(&host, &config);
    source.start(VP8).unwrap();
    let ended = host.wait(LIMIT, |seen| seen.ended.first().cloned()).expect("its end");
    assert_eq!(ended, (abi::ICS_E_FAIL, "the pipeline came to its end (end of stream)".to_owned()));
    assert_eq!(host.seen(|seen| seen.frames.len()), 3);
}
