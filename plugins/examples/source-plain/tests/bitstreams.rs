//! Both bitstreams, decoded by GStreamer's decoders: every pixel of every picture is as it was drawn.

use std::path::Path;
use std::process::Command;

use icescope_source_plain::picture::{Picture, Rgb};
use icescope_source_plain::{h264, vp8};

const FRAMES: u64 = 60;

/// Pictures of a clock that goes ten times as fast, with a change of colour on the way.
fn pictures(columns: usize, rows: usize) -> Vec<Picture> {
    (0..FRAMES)
        .map(|frame| {
            let colour = if frame < 40 { Rgb(0x20, 0x60, 0xc0) } else { Rgb(0xff, 0x00, 0x10) };
            Picture::at(columns, rows, colour, Rgb(0xff, 0xff, 0xff), frame, 3)
        })
        .collect()
}

/// Key frames: the first, and one in the middle.
fn is_key(frame: usize) -> bool {
    frame == 0 || frame == 25
}

fn i420(picture: &Picture) -> Vec<u8> {
    let (width, height) = picture.size();
    let plane = |plane: usize, size: usize| {
        (0..height / (16 / size)).flat_map(move |y| {
            (0..width / (16 / size)).map(move |x| picture.block(y / size, x / size)[plane])
        })
    };
    plane(0, 16).chain(plane(1, 8)).chain(plane(2, 8)).collect()
}

/// None where GStreamer's tools or this decoder are not installed.
fn decode(elements: &[&str], coded: &[u8]) -> Option<Vec<u8>> {
    for element in elements {
        let there = Command::new("gst-inspect-1.0").args(["--exists", element]).status();
        if !there.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: no GStreamer element {element} here, so the bitstream was not decoded");
            return None;
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, output) = (folder.path().join("coded"), folder.path().join("raw"));
    std::fs::write(&input, coded).expect("the coded file");
    let location = |path: &Path| format!("location={}", path.display());
    let mut command = Command::new("gst-launch-1.0");
    command.args(["-q", "filesrc", &location(&input)]);
    for element in elements {
        command.args(["!", element]);
    }
    command.args(["!", "video/x-raw,format=I420", "!", "filesink", &location(&output)]);
    let result = command.output().expect("gst-launch-1.0");
    assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
    Some(std::fs::read(output).expect("the decoded file"))
}

fn compare(pictures: &[Picture], decoded: &[u8]) {
    let size = i420(&pictures[0]).len();
    assert_eq!(decoded.len(), size * pictures.len(), "as many pictures as were encoded");
    for (index, (picture, decoded)) in pictures.iter().zip(decoded.chunks(size)).enumerate() {
        let wrong = i420(picture).iter().zip(decoded).filter(|(left, right)| left != right).count();
        assert_eq!(wrong, 0, "picture {index}: {wrong} of {size} samples differ");
    }
}

#[test]
fn vp8_comes_out_as_it_was_drawn() {
    for (columns, rows) in [(20, 15), (4, 4), (40, 30)] {
        let pictures = pictures(columns, rows);
        let mut encoder = vp8::Encoder::default();
        let (width, height) = pictures[0].size();
        let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
        file.extend((width as u16).to_le_bytes());
        file.extend((height as u16).to_le_bytes());
        for number in [15_u32, 1, FRAMES as u32, 0] {
            file.extend(number.to_le_bytes());
        }
        for (index, picture) in pictures.iter().enumerate() {
            let (unit, key) = encoder.encode(picture, is_key(index));
            assert_eq!(key, is_key(index));
            assert_eq!(unit[0] & 1 == 0, key, "RFC 6386 §9.1");
            file.extend((unit.len() as u32).to_le_bytes());
            file.extend((index as u64).to_le_bytes());
            file.extend(unit);
        }
        if let Some(decoded) = decode(&["ivfparse", "vp8dec"], &file) {
            compare(&pictures, &decoded);
        }
    }
}

#[test]
fn h264_comes_out_as_it_was_drawn() {
    for (columns, rows) in [(20, 15), (4, 4), (40, 30)] {
        let pictures = pictures(columns, rows);
        let mut encoder = h264::Encoder::default();
        let mut stream = Vec::new();
        for (index, picture) in pictures.iter().enumerate() {
            let (unit, key) = encoder.encode(picture, is_key(index));
            assert_eq!(key, is_key(index));
            assert_eq!(unit[..5] == [0, 0, 0, 1, 0x67], key, "a key frame begins with its SPS");
            stream.extend(unit);
        }
        if let Some(decoded) = decode(&["h264parse", "openh264dec"], &stream) {
            compare(&pictures, &decoded);
        }
    }
}

#[test]
fn frames_are_small() {
    let pictures = pictures(20, 15);
    let mut vp8 = vp8::Encoder::default();
    let mut h264 = h264::Encoder::default();
    let mut sizes = pictures[..40]
        .iter()
        .map(|picture| (vp8.encode(picture, false).0.len(), h264.encode(picture, false).0.len()));
    let key = sizes.next().unwrap();
    assert!(key.0 < 1000 && key.1 < 20_000, "key frames of {key:?} bytes");
    let later: Vec<_> = sizes.collect();
    let mean = |total: usize| total / later.len();
    let means = (mean(later.iter().map(|size| size.0).sum()), mean(later.iter().map(|size| size.1).sum()));
    assert!(means.0 < 150 && means.1 < 1500, "{means:?} bytes per frame in the mean");
}
