#![doc = include_str!("../README.md")]

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::api::SessionSummary;
use crate::event::Event;
use crate::pair::JoinedPair;
use crate::report::Report;

/// The format of a record: its name and its major version. Within a major version fields are only added, so a reader leaves out
/// what it does not know; a higher major version is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub enum RecordFormat {
    /// The first one. A record without a format is of this one, too: it was written before there was the field.
    #[default]
    #[serde(rename = "icescope.session/1")]
    Session1,
}

impl RecordFormat {
    /// The word that stands in a record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Session1 => "icescope.session/1",
        }
    }
}

impl<'de> Deserialize<'de> for RecordFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = <Cow<'de, str>>::deserialize(deserializer)?;
        let (known, minor) = (Self::Session1.word(), said.strip_prefix("icescope.session/1"));
        if minor.is_some_and(|minor| minor.is_empty() || minor.starts_with('.')) {
            return Ok(Self::Session1);
        }
        let remedy = match said.strip_prefix("icescope.session/") {
            Some(_) => "read it with the version of icescope that wrote it, or a newer one",
            None => "a session's record is what GET /api/sessions/{id} gives and what the page exports",
        };
        Err(serde::de::Error::custom(format_args!(
            "the format is «{said}», and this version reads «{known}»: {remedy}"
        )))
    }
}

/// The page's clock against the daemon's, as the live channel measured it (NTP's way: the exchange with the least round trip).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct PageClock {
    /// Microseconds to add to the page's `performance.now()` to come to the session's axis; the latest estimate. Each event of
    /// the browser was placed with the estimate of its time.
    pub offset: i64,
    /// How far `offset` may be off, in microseconds: half of the least round trip; or, if nothing was measured, the time over
    /// which the events were gathered.
    pub uncertainty: u32,
    /// When this estimate came, in microseconds on the session's axis.
    pub at: i64,
    /// Estimates that came so far. 0: none ever came, and the browser's events were placed by their arrival.
    pub estimates: u32,
}

/// `GET /api/sessions/{id}`: all that was seen of one session. All times are microseconds on the session's axis, which begins
/// when the session was opened, on the daemon's monotonic clock; `session.openedUnixMs` says when that was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct SessionRecord {
    /// `icescope.session/1`.
    #[serde(default)]
    pub format: RecordFormat,
    /// Whether addresses and names were replaced by pseudonyms.
    #[serde(default)]
    pub redacted: bool,
    /// Its head.
    pub session: SessionSummary,
    /// Up to when it tells: when the session ended or, while it goes on, when the record was read. Not in records of the first
    /// days.
    #[serde(default)]
    pub until: Option<i64>,
    /// The page's clock; null where no page has told events.
    #[serde(default)]
    pub clock: Option<PageClock>,
    /// Its events, in order of arrival.
    pub events: Vec<Event>,
    /// The candidate pairs, both ends' views of each joined. Of a session that is over: as they were in the end. What the ring
    /// of repeating events has let go is counted here all the same.
    #[serde(default)]
    pub pairs: Vec<JoinedPair>,
    /// What the probes have reported about the surroundings: the newest reports at the session's start, and what was newer at its
    /// end. The events `probe.report` are about these.
    #[serde(default)]
    pub reports: Vec<Report>,
}

impl SessionRecord {
    /// A record of these events, and of nothing else.
    pub fn new(session: SessionSummary, events: Vec<Event>) -> Self {
        let format = RecordFormat::default();
        Self {
            format,
            redacted: false,
            session,
            until: None,
            clock: None,
            events,
            pairs: Vec::new(),
            reports: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> serde_json::Value {
        serde_json::json!({
            "id": "0".repeat(32), "openedUnixMs": 0, "state": "closed", "closed": null,
            "events": 0, "eventsDropped": 0, "uplink": null
        })
    }

    fn read(format: &str) -> Result<SessionRecord, String> {
        let record = serde_json::json!({"format": format, "session": head(), "events": []});
        serde_json::from_value(record).map_err(|error| error.to_string())
    }

    #[test]
    fn a_record_of_before_the_format_is_read_and_its_fields_are_unknown() {
        let record = serde_json::json!({"session": head(), "events": []});
        let record: SessionRecord = serde_json::from_value(record).unwrap();
        assert_eq!(record, SessionRecord::new(record.session.clone(), Vec::new()));
        assert_eq!(serde_json::to_value(&record).unwrap()["format"], "icescope.session/1");
    }

    #[test]
    fn another_minor_version_is_read_and_what_it_adds_is_left_out() {
        let added =
            serde_json::json!({"format": "icescope.session/1.3", "session": head(), "events": [], "new": 1});
        let record: SessionRecord = serde_json::from_value(added).unwrap();
        assert_eq!(record.format, RecordFormat::Session1);
    }

    #[test]
    fn another_major_version_is_refused_and_the_one_that_is_read_is_named() {
        for format in ["icescope.session/2", "icescope.session/10", "icescope.session/0"] {
            let error = read(format).unwrap_err();
            assert!(error.contains(format) && error.contains("«icescope.session/1»"), "{error}");
            assert!(error.contains("or a newer one"), "{error}");
        }
        let error = read("icescope.nat/1").unwrap_err();
        assert!(error.contains("what the page exports"), "{error}");
    }
}
