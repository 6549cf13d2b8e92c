//! What the daemon and the driver beside a plugin say to each other over the control socket.
//!
//! Both ends are always the same build, so there is no version here: the plugin ABI is the only contract that others
//! build against.

use icescope_model::media::{Bitstream, Format};
use serde::{Deserialize, Serialize};

use crate::options::GrantedServer;

/// Daemon to driver. All but `Cancel` are calls: each is answered by one [`Note::Answer`] before the next is sent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Load the library (one descriptor travels with this) and describe the plugin.
    Load { plugin: Option<String>, granted: Vec<String>, log_level: u32 },
    /// Make the instance.
    Create { config: String, servers: Vec<GrantedServer> },
    /// Read the formats.
    Formats,
    /// Start a format; its ring and its bell (an eventfd) travel with this.
    Start { format: u32 },
    /// Control a running format.
    Control { format: u32, op: u32, a: u64, b: u64 },
    /// Stop a format.
    Stop { format: u32 },
    /// Run a probe.
    Run { args: String, deadline_ns: i64, span: u64, servers: Vec<GrantedServer> },
    /// Destroy the instance.
    Destroy,
    /// Wind up the call that runs now.
    Cancel,
}

impl Command {
    /// The call's name in the contract.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Load { .. } => "load",
            Self::Create { .. } => "create",
            Self::Formats => "formats",
            Self::Start { .. } => "start",
            Self::Control { .. } => "control",
            Self::Stop { .. } => "stop",
            Self::Run { .. } => "run",
            Self::Destroy => "destroy",
            Self::Cancel => "cancel",
        }
    }

    /// How many descriptors travel with it.
    pub(crate) fn descriptors(&self) -> usize {
        match self {
            Self::Load { .. } => 1,
            Self::Start { .. } => 2,
            _ => 0,
        }
    }
}

/// Driver to daemon.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Note {
    /// The call that was asked for has returned.
    Answer(Result<Answer, CallError>),
    /// The plugin wrote to its log, or the driver has something to say about it.
    Log { level: u32, target: String, message: String },
    /// The plugin observed something.
    Event(WireEvent),
    /// The plugin made a document.
    Report(WireReport),
    /// The plugin's formats have changed.
    FormatsChanged,
    /// The plugin's source died or came to its end.
    Ended { why: i32, message: String },
    /// What was dropped so far, whenever it has grown.
    Dropped { events: u64, logs: u64, bad_text: u64 },
}

/// What a call brought.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Loaded(Described),
    Formats(Vec<WireFormat>),
    Ran { outcome: u32 },
    Done,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallError {
    /// The plugin's status, or one of the driver's own making.
    pub(crate) status: i32,
    /// What was wrong, in words.
    pub(crate) message: String,
    /// RFC 6901 path into the configuration or the arguments; empty if none.
    pub(crate) pointer: String,
}

/// A loaded plugin, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) vendor: String,
    pub(crate) license: String,
    pub(crate) config_schema: String,
    pub(crate) args_schema: String,
}

/// A format in the ABI's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireFormat {
    pub(crate) bitstream: u32,
    pub(crate) mime: String,
    pub(crate) fmtp: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frame_rate: (u32, u32),
    pub(crate) bit_rate: (u64, u64),
}

impl WireFormat {
    /// In the daemon's words; the error says what is unknown about it.
    pub(crate) fn checked(self) -> Result<Format, String> {
        let bitstream = match self.bitstream {
            icescope_plugin_abi::ICS_BS_ANNEXB => Bitstream::AnnexB,
            icescope_plugin_abi::ICS_BS_OBU => Bitstream::Obu,
            icescope_plugin_abi::ICS_BS_FRAME => Bitstream::Frame,
            other => return Err(format!("the format {} has the unknown bitstream {other}", self.mime)),
        };
        if !self.mime.to_ascii_lowercase().starts_with("video/") {
            return Err(format!("the format's media type «{}» does not begin with «video/»", self.mime));
        }
        let bit_rate = match self.bit_rate {
            (0, 0) => None,
            (min, max) if min <= max => Some((min, max)),
            (min, max) => {
                return Err(format!("the format {} has min_bps {min} above max_bps {max}", self.mime));
            }
        };
        Ok(Format {
            bitstream,
            mime: self.mime,
            fmtp: self.fmtp,
            width: self.width,
            height: self.height,
            frame_rate: self.frame_rate,
            bit_rate,
        })
    }
}

/// An event in the ABI's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WireEvent {
    pub(crate) level: u32,
    pub(crate) schema: String,
    pub(crate) summary: String,
    pub(crate) time_ns: i64,
    pub(crate) span: u64,
    pub(crate) parent: u64,
    pub(crate) outcome: u32,
    pub(crate) from_lane: u32,
    pub(crate) to_lane: u32,
    pub(crate) evidence: u32,
    pub(crate) attributes: serde_json::Map<String, serde_json::Value>,
}

/// A report in the ABI's numbers; the document is still text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireReport {
    pub(crate) outcome: u32,
    pub(crate) span: u64,
    pub(crate) schema: String,
    pub(crate) subject: String,
    pub(crate) json: String,
}

/// Longest message: a report of 1 MiB whose every byte is escaped (`\u0000`), and room around it.
pub(crate) const MAX_MESSAGE: usize = 7 << 20;

/// A message that cannot be sent or understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("a message of {0} bytes is longer than the {MAX_MESSAGE} that are allowed")]
    TooLong(usize),
    #[error("a message cannot be understood: {0}")]
    Json(#[from] serde_json::Error),
}

/// `message` with its length in front (four bytes, little endian).
pub(crate) fn encode(message: &impl Serialize) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - 4;
    if length > MAX_MESSAGE {
        return Err(WireError::TooLong(length));
    }
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

/// Puts messages together again from the pieces that a stream socket delivers.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    begin: usize,
}

impl Decoder {
    /// Takes a piece in.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.begin == self.bytes.len() {
            self.bytes.clear();
            self.begin = 0;
        }
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole message, if it is there.
    pub(crate) fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, WireError> {
        let unread = &self.bytes[self.begin..];
        let Some((length, rest)) = unread.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_MESSAGE {
            return Err(WireError::TooLong(length));
        }
        let Some(message) = rest.get(..length) else { return Ok(None) };
        let message = serde_json::from_slice(message)?;
        self.begin += 4 + length;
        self.give_back_room();
        Ok(Some(message))
    }

    /// A big report should not cost its room for ever.
    fn give_back_room(&mut self) {
        if self.begin == self.bytes.len() && self.bytes.capacity() > 64 << 10 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_survive_any_cutting() {
        let sent = ["a", "", "later"].map(|text| Note::Ended { why: -1, message: text.to_owned() });
        let bytes: Vec<u8> = sent.iter().flat_map(|note| encode(note).unwrap()).collect();
        for cut in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.push(piece);
                while let Some(Note::Ended { message, .. }) = decoder.next().unwrap() {
                    got.push(message);
                }
            }
            assert_eq!(got, ["a", "", "later"], "pieces of {cut}");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_it_is_waited_for() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert!(matches!(decoder.next::<Note>(), Err(WireError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_waited_for_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next::<Note>() {}
        }
    }
}
