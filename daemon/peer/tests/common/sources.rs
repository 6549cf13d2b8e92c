//! Sources without pictures: units of the right shape, made when the test says so.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use icescope_model::media::{AccessUnit, Bitstream, Control, Format, MediaMessage, SourceError};
use icescope_peer::{OpenStream, Sources};
use tokio::sync::mpsc;

pub fn vp8() -> Format {
    Format {
        bitstream: Bitstream::Frame,
        mime: "video/VP8".into(),
        fmtp: String::new(),
        width: 320,
        height: 240,
        frame_rate: (30, 1),
        bit_rate: Some((100_000, 5_000_000)),
    }
}

pub fn h264() -> Format {
    Format {
        bitstream: Bitstream::AnnexB,
        mime: "video/H264".into(),
        fmtp: "packetization-mode=1;profile-level-id=42e01f".into(),
        ..vp8()
    }
}

/// One opened stream.
#[derive(Clone)]
pub struct Opened {
    pub source: String,
    pub format: usize,
    messages: mpsc::Sender<MediaMessage>,
    controls: Arc<Mutex<Vec<Control>>>,
}

impl Opened {
    pub fn send(&self, message: MediaMessage) {
        self.messages.try_send(message).unwrap();
    }

    pub fn unit(&self, unit: AccessUnit) {
        self.send(MediaMessage::Unit(unit));
    }

    pub fn key_frames_asked(&self) -> usize {
        self.controls.lock().unwrap().iter().filter(|control| **control == Control::KeyFrame).count()
    }

    pub fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }
}

#[derive(Default)]
pub struct Scripted {
    default: Mutex<String>,
    formats: Mutex<Vec<(String, Vec<Format>)>>,
    opened: Mutex<Vec<Opened>>,
}

impl Scripted {
    pub fn new(sources: &[(&str, Vec<Format>)]) -> Arc<Self> {
        let formats = sources.iter().map(|(name, formats)| ((*name).to_owned(), formats.clone())).collect();
        let default = Mutex::new(sources[0].0.to_owned());
        Arc::new(Self { default, formats: Mutex::new(formats), opened: Mutex::default() })
    }

    pub fn opened(&self) -> Vec<Opened> {
        self.opened.lock().unwrap().clone()
    }

    pub fn last(&self) -> Opened {
        self.opened().pop().unwrap()
    }

    pub fn set_default(&self, name: &str) {
        name.clone_into(&mut self.default.lock().unwrap());
    }
}

impl Sources for Scripted {
    fn default_source(&self) -> String {
        self.default.lock().unwrap().clone()
    }

    fn formats(&self, name: &str) -> Result<Vec<Format>, SourceError> {
        let formats = self.formats.lock().unwrap();
        let found = formats.iter().find(|(known, _)| known == name).map(|(_, formats)| formats.clone());
        found.ok_or_else(|| SourceError::Unknown { name: name.into(), known: String::new() })
    }

    fn open(&self, name: &str, format: usize) -> Result<OpenStream, SourceError> {
        let (messages, receiver) = mpsc::channel(64);
        let controls = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&controls);
        self.opened.lock().unwrap().push(Opened { source: name.into(), format, messages, controls });
        Ok((receiver, Box::new(move |control| told.lock().unwrap().push(control))))
    }
}

/// A VP8 frame whose last octet is `mark`, so that a test can tell which one arrived.
pub fn vp8_unit(number: i64, key: bool, size: usize, mark: u8) -> AccessUnit {
    let mut data =
        if key { vec![0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00] } else { vec![0x11, 0, 0] };
    data.resize(size.max(16), 0x55);
    *data.last_mut().unwrap() = mark;
    unit(data, number, key)
}

/// An H.264 frame in Annex B, with parameter sets if it is a key frame.
pub fn h264_unit(number: i64, key: bool, size: usize) -> AccessUnit {
    let mut data = Vec::new();
    if key {
        data.extend([0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xda, 0x02, 0x80, 0xf6, 0x40]);
        data.extend([0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]);
    }
    data.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
    data.resize(data.len() + size, 0x77);
    unit(data, number, key)
}

fn unit(data: Vec<u8>, number: i64, key: bool) -> AccessUnit {
    AccessUnit {
        data: Bytes::from(data),
        key,
        discontinuity: false,
        droppable: false,
        pts_ns: number * 33_333_333,
        duration_ns: 33_333_333,
        captured: None,
    }
}
