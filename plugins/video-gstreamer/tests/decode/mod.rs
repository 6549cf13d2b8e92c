//! Decodes what the plugin pushed, with GStreamer's decoders.

use gstreamer as gst;
use gstreamer::prelude::*;

/// Pictures as RGB, three bytes per pixel.
pub fn decode(mime: &str, size: (u16, u16), units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    gst::init().expect("GStreamer");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (coded, raw) = (folder.path().join("coded"), folder.path().join("raw"));
    let (bytes, decoder) = match mime {
        "video/VP8" => (ivf(size, units), "ivfparse ! vp8dec"),
        _ => (units.concat(), "h264parse ! openh264dec"),
    };
    std::fs::write(&coded, bytes).expect("the coded file");
    run(&format!(
        "filesrc location={} ! {decoder} ! videoconvert ! video/x-raw,format=RGB ! filesink location={}",
        coded.display(),
        raw.display()
    ));
    let picture = usize::from(size.0) * usize::from(size.1) * 3;
    let raw = std::fs::read(raw).expect("the decoded file");
    assert_eq!(raw.len() % picture, 0, "whole pictures of {size:?}");
    raw.chunks(picture).map(<[u8]>::to_vec).collect()
}

fn run(description: &str) {
    let pipeline = gst::parse::launch(description).expect("the decoder's elements");
    pipeline.set_state(gst::State::Playing).expect("the decoder starts");
    let bus = pipeline.bus().expect("a bus");
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &kinds).expect("the decoder's end");
    pipeline.set_state(gst::State::Null).expect("the decoder stops");
    if let gst::MessageView::Error(error) = end.view() {
        panic!("{description}: {} {:?}", error.error(), error.debug());
    }
}

/// The IVF file format: a header of 32 bytes, and 12 before each frame.
fn ivf(size: (u16, u16), units: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
    file.extend(size.0.to_le_bytes());
    file.extend(size.1.to_le_bytes());
    for number in [30_u32, 1, u32::try_from(units.len()).expect("few"), 0] {
        file.extend(number.to_le_bytes());
    }
    for (index, unit) in units.iter().enumerate() {
        file.extend(u32::try_from(unit.len()).expect("small").to_le_bytes());
        file.extend((index as u64).to_le_bytes());
        file.extend(unit);
    }
    file
}

/// The colour at a place.
pub fn pixel(picture: &[u8], width: usize, x: usize, y: usize) -> [u8; 3] {
    let at = (y * width + x) * 3;
    [picture[at], picture[at + 1], picture[at + 2]]
}

/// Whether two colours are the same but for what coding changes.
pub fn near(left: [u8; 3], right: [u8; 3]) -> bool {
    left.iter().zip(right).all(|(&left, right)| left.abs_diff(right) <= 24)
}
