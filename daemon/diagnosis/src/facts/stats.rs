//! What the browser's statistics say (W3C webrtc-stats): its pairs, its transport, its incoming video.

use icescope_model::pair::BrowserCounters;
use icescope_model::{Attributes, Event};
use serde_json::Value;

use super::MOST;
use super::attributes::number;

/// A candidate, as a pair of the browser refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    id: String,
    /// `host`, `srflx`, `prflx`, `relay`.
    pub kind: String,
    /// Its address; empty where the browser hides it.
    pub address: String,
    /// Its port.
    pub port: u64,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// PRIORITY (RFC 8445 §5.1.2).
    pub priority: Option<u64>,
    /// `raddr` and `rport`, where the browser tells them.
    pub related: Option<(String, u64)>,
    /// The server that it was gathered from.
    pub url: Option<String>,
    /// How a relay is spoken to.
    pub relay_protocol: Option<String>,
}

/// A pair in the browser.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pair {
    local: String,
    remote: String,
    /// Its figures. Browsers differ in what they count: Firefox tells of answers only.
    pub counted: BrowserCounters,
    /// The newest event that says so.
    pub at: u64,
}

impl Pair {
    /// It got an answer.
    pub fn is_valid(&self) -> bool {
        self.counted.responses_received.is_some_and(|count| count > 0)
    }
}

/// The browser's incoming video.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Video {
    /// RTP packets.
    pub packets_received: u64,
    /// RTP packets that are missing.
    pub packets_lost: u64,
    /// Frames put together.
    pub frames_received: u64,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Frames of the last second.
    pub frames_per_second: Option<f64>,
    /// Key frames decoded.
    pub key_frames_decoded: u64,
    /// Key frames asked for.
    pub pli_count: u64,
    /// The decoder is one that decodes nothing.
    pub null_decoder: bool,
    /// The newest event that says so.
    pub at: u64,
    /// Its time.
    pub time: i64,
}

/// The browser's outgoing video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// RTP packets.
    pub packets: u64,
    /// Frames that its encoder made.
    pub frames: u64,
    /// The newest event that says so.
    pub at: u64,
    /// Its time.
    pub time: i64,
}

/// What the statistics say.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// There are some.
    pub seen: Option<u64>,
    /// The time of the newest.
    pub time: i64,
    ends: Vec<End>,
    remote_ends: usize,
    /// The pairs, newest figures.
    pub pairs: Vec<Pair>,
    /// `dtlsState` of the transport, bytes that it sent, and the event.
    pub transport: Option<(String, u64, u64)>,
    /// The incoming video.
    pub video: Option<Video>,
    /// The outgoing video.
    pub sent: Option<Sent>,
}

impl Stats {
    pub(super) fn see(&mut self, event: &Event) {
        if event.kind != "stats" {
            return;
        }
        self.seen = Some(event.sequence);
        self.time = self.time.max(event.time);
        for entry in entries(&event.attributes, "local-candidate") {
            self.end(entry);
        }
        for entry in entries(&event.attributes, "remote-candidate") {
            self.remote_ends += usize::from(self.end(entry));
        }
        for entry in entries(&event.attributes, "candidate-pair").take(MOST) {
            self.pair(pair(entry, event.sequence));
        }
        if let Some(entry) = entries(&event.attributes, "transport").next() {
            let bytes = count(entry, "bytesSent");
            self.transport = Some((text(entry, "dtlsState").to_owned(), bytes, event.sequence));
        }
        let mut outbound = entries(&event.attributes, "outbound-rtp");
        if let Some(entry) = outbound.find(|entry| text(entry, "kind") == "video") {
            self.sent = Some(Sent {
                packets: count(entry, "packetsSent"),
                frames: count(entry, "framesEncoded"),
                at: event.sequence,
                time: event.time,
            });
        }
        let mut inbound = entries(&event.attributes, "inbound-rtp");
        if let Some(entry) = inbound.find(|entry| text(entry, "kind") == "video") {
            self.video = Some(Video {
                packets_received: count(entry, "packetsReceived"),
                packets_lost: count(entry, "packetsLost"),
                frames_received: count(entry, "framesReceived"),
                frames_decoded: count(entry, "framesDecoded"),
                frames_per_second: entry.get("framesPerSecond").and_then(Value::as_f64),
                key_frames_decoded: count(entry, "keyFramesDecoded"),
                pli_count: count(entry, "pliCount"),
                null_decoder: text(entry, "decoderImplementation").contains("NullVideoDecoder"),
                at: event.sequence,
                time: event.time,
            });
        }
    }

    /// Browsers forget pairs that failed; what was sent over them still was.
    fn pair(&mut self, pair: Pair) {
        let same = |known: &&mut Pair| (&known.local, &known.remote) == (&pair.local, &pair.remote);
        match self.pairs.iter_mut().find(same) {
            Some(known) => *known = pair,
            None => super::keep(&mut self.pairs, pair),
        }
    }

    fn end(&mut self, entry: &Value) -> bool {
        let id = text(entry, "id");
        if id.is_empty() || self.ends.len() == MOST || self.ends.iter().any(|end| end.id == id) {
            return false;
        }
        let some = |key: &str| Some(text(entry, key)).filter(|text| !text.is_empty()).map(str::to_owned);
        self.ends.push(End {
            id: id.to_owned(),
            kind: text(entry, "candidateType").to_owned(),
            address: text(entry, "address").to_owned(),
            port: count(entry, "port"),
            protocol: text(entry, "protocol").to_owned(),
            priority: entry.get("priority").and_then(number),
            related: some("relatedAddress").map(|address| (address, count(entry, "relatedPort"))),
            url: some("url"),
            relay_protocol: some("relayProtocol"),
        });
        true
    }

    /// The browser's own candidate of a pair.
    pub fn local(&self, pair: &Pair) -> Option<&End> {
        self.ends.iter().find(|end| end.id == pair.local)
    }

    /// The daemon's candidate of a pair.
    pub fn remote(&self, pair: &Pair) -> Option<&End> {
        self.ends.iter().find(|end| end.id == pair.remote)
    }

    /// How the browser speaks to the relay whose address this is.
    pub fn relay_protocol(&self, address: &str, port: u64) -> Option<String> {
        let relay =
            self.ends.iter().find(|end| end.kind == "relay" && end.address == address && end.port == port);
        relay?.relay_protocol.clone()
    }

    /// How many of the daemon's candidates the browser works with.
    pub fn remote_ends(&self) -> usize {
        self.remote_ends
    }

    /// The sum of one figure over all pairs; none where the browser does not count it.
    pub fn total(&self, figure: fn(&BrowserCounters) -> Option<u64>) -> Option<u64> {
        let told = self.pairs.iter().filter_map(|pair| figure(&pair.counted));
        told.fold(None, |sum, count| Some(sum.unwrap_or(0_u64).saturating_add(count)))
    }
}

fn entries<'a>(attributes: &'a Attributes, kind: &str) -> impl Iterator<Item = &'a Value> {
    attributes.get(kind).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn count(entry: &Value, key: &str) -> u64 {
    entry.get(key).and_then(number).unwrap_or(0)
}

fn pair(entry: &Value, at: u64) -> Pair {
    let counter = |key: &str| entry.get(key).and_then(number);
    let counted = BrowserCounters {
        state: Some(text(entry, "state")).filter(|text| !text.is_empty()).map(str::to_owned),
        nominated: entry.get("nominated").and_then(Value::as_bool),
        requests_sent: counter("requestsSent"),
        responses_received: counter("responsesReceived"),
        requests_received: counter("requestsReceived"),
        responses_sent: counter("responsesSent"),
        consent_requests_sent: counter("consentRequestsSent"),
        packets_sent: counter("packetsSent"),
        packets_received: counter("packetsReceived"),
        bytes_sent: counter("bytesSent"),
        bytes_received: counter("bytesReceived"),
        current_round_trip_time: entry.get("currentRoundTripTime").and_then(Value::as_f64),
    };
    Pair {
        local: text(entry, "localCandidateId").to_owned(),
        remote: text(entry, "remoteCandidateId").to_owned(),
        counted,
        at,
    }
}
