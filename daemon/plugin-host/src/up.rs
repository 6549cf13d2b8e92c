//! A plugin that is up, as its supervisor sees it.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use icescope_model::media::Format;
use icescope_plugin_abi as abi;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::generation::Shared;
use crate::link::{Failure, Link};
use crate::proto::{Answer, Command, Described, Note, WireEvent, WireReport};
use crate::voice::Voice;

/// A created instance behind its link.
pub(crate) struct Up {
    pub(crate) link: Link,
    pub(crate) described: Described,
    /// A source's formats, in its order.
    pub(crate) formats: Vec<Format>,
    /// What runs, by the format's place.
    pub(crate) running: HashMap<usize, Running>,
    pub(crate) aside: Aside,
}

/// A format that runs.
pub(crate) struct Running {
    /// The attachment that it runs for.
    pub(crate) attachment: u64,
    ended: Option<oneshot::Sender<String>>,
}

impl Running {
    pub(crate) fn new(attachment: u64, ended: oneshot::Sender<String>) -> Self {
        Self { attachment, ended: Some(ended) }
    }

    /// The source came to its end.
    pub(crate) fn end(&mut self, why: String) {
        if let Some(ended) = self.ended.take() {
            // The stream may be gone already.
            let _ = ended.send(why);
        }
    }
}

/// What a plugin said beside its answers.
#[derive(Default)]
pub(crate) struct Aside {
    /// To be dealt with between calls.
    pub(crate) notes: Vec<Note>,
    /// While a probe runs: what it said.
    pub(crate) run: Option<Said>,
    events_dropped: u64,
    told: Option<Instant>,
}

/// What a probe said in its run.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) events: Vec<WireEvent>,
    pub(crate) reports: Vec<WireReport>,
    pub(crate) events_dropped: u64,
}

/// So many notes wait between two calls at most; the driver limits their rate, and what they ask for is done once.
const NOTES: usize = 64;

/// A flood should not become one of our own making.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl Aside {
    pub(crate) fn put(&mut self, voice: &Voice, shared: &Shared, note: Note) {
        match (note, &mut self.run) {
            (Note::Event(event), Some(said)) => said.events.push(event),
            (Note::Report(report), Some(said)) => said.reports.push(report),
            (Note::Event(event), None) => voice.event(event),
            (Note::Report(report), None) => voice.report(report),
            (Note::Dropped { events, logs, bad_text }, _) => {
                self.dropped(voice, shared, events, logs, bad_text);
            }
            (Note::FormatsChanged, _)
                if self.notes.iter().any(|note| matches!(note, Note::FormatsChanged)) => {}
            (note, _) if self.notes.len() < NOTES => self.notes.push(note),
            _ => {}
        }
    }

    fn dropped(&mut self, voice: &Voice, shared: &Shared, events: u64, logs: u64, bad_text: u64) {
        let grown = events.saturating_sub(self.events_dropped);
        self.events_dropped = events;
        if let Some(said) = &mut self.run {
            said.events_dropped += grown;
        }
        shared.events_dropped.fetch_add(grown, Ordering::Relaxed);
        shared.counted();
        if self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let message = format!(
            "so far {events} events and {logs} log lines were left out because they came too fast, and {bad_text} \
             texts were not UTF-8"
        );
        voice.log(abi::ICS_WARN, "host".to_owned(), message);
    }
}

impl Up {
    pub(crate) fn new(link: Link, described: Described) -> Self {
        Self { link, described, formats: Vec::new(), running: HashMap::new(), aside: Aside::default() }
    }

    pub(crate) fn is_source(&self) -> bool {
        self.described.kind.as_bytes() == abi::VIDEO_SOURCE_KIND.to_bytes()
    }

    pub(crate) fn is_probe(&self) -> bool {
        self.described.kind.as_bytes() == abi::PROBE_KIND.to_bytes()
    }

    /// The place of the format that runs for this attachment.
    pub(crate) fn index_of(&self, attachment: u64) -> Option<usize> {
        self.running.iter().find(|(_, running)| running.attachment == attachment).map(|(&index, _)| index)
    }

    /// The places of all formats that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        self.running.keys().copied().collect()
    }

    /// The place of a format that is equal in what was negotiated, else of one with the same media type and framing.
    pub(crate) fn place_of(&self, wanted: &Format) -> Option<usize> {
        place_of(&self.formats, wanted)
    }

    /// Makes a call; what the plugin says meanwhile goes aside.
    pub(crate) async fn call(
        &mut self,
        command: Command,
        descriptors: &[BorrowedFd<'_>],
        deadline: Duration,
        stop: &CancellationToken,
        voice: &Voice,
        shared: &Shared,
    ) -> Result<Answer, Failure> {
        let Self { link, aside, .. } = self;
        link.call(command, descriptors, deadline, stop, |note| aside.put(voice, shared, note)).await
    }
}

/// See [`Up::place_of`].
pub(crate) fn place_of(formats: &[Format], wanted: &Format) -> Option<usize> {
    let alike = |format: &Format| {
        format.mime.eq_ignore_ascii_case(&wanted.mime) && format.bitstream == wanted.bitstream
    };
    formats
        .iter()
        .position(|format| alike(format) && format.fmtp == wanted.fmtp)
        .or_else(|| formats.iter().position(alike))
}

#[cfg(test)]
mod tests {
    use super::*;
    use icescope_model::media::Bitstream;

    fn format(mime: &str, fmtp: &str) -> Format {
        Format {
            bitstream: Bitstream::Frame,
            mime: mime.into(),
            fmtp: fmtp.into(),
            width: 0,
            height: 0,
            frame_rate: (0, 0),
            bit_rate: None,
        }
    }

    #[test]
    fn a_format_is_found_again_by_what_was_negotiated() {
        let formats = [format("video/H264", "a"), format("video/H264", "b"), format("video/VP8", "")];
        assert_eq!(place_of(&formats, &format("video/h264", "b")), Some(1));
        assert_eq!(place_of(&formats, &format("video/H264", "c")), Some(0));
        assert_eq!(place_of(&formats, &format("video/VP9", "")), None);
        let annex_b = Format { bitstream: Bitstream::AnnexB, ..format("video/VP8", "") };
        assert_eq!(place_of(&formats, &annex_b), None);
    }
}
