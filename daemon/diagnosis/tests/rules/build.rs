//! Small records, built event by event.

use icescope_diagnosis::diagnose;
use icescope_model::api::{Closed, SessionRecord, SessionState, SessionSummary};
use icescope_model::report::Report;
use icescope_model::verdict::{Finding, Stage, Verdict, VerdictOutcome, Weight};
use icescope_model::{Event, Evidence, Lane, Level, SeenBy, SessionId};
use serde_json::{Value, json};

/// The daemon's socket in these records.
pub const OURS: &str = "192.168.1.2:5000";
/// The browser's.
pub const THEIRS: &str = "203.0.113.7:4000";
/// A STUN and TURN server.
pub const SERVER: &str = "198.51.100.1:3478";

/// A record under construction.
pub struct Built {
    record: SessionRecord,
    reports: Vec<Report>,
    now: i64,
    transactions: u64,
}

impl Built {
    /// Nothing has happened.
    pub fn new() -> Self {
        let session = SessionSummary {
            id: SessionId::random(),
            opened_unix_ms: 1_700_000_000_000,
            state: SessionState::New,
            closed: None,
            ended: None,
            events: 0,
            events_dropped: 0,
            uplink: None,
            verdict: None,
        };
        let record = SessionRecord::new(session, Vec::new());
        Self { record, reports: Vec::new(), now: 0, transactions: 0 }
    }

    /// An offer of our own page was answered.
    pub fn answered() -> Self {
        let mut built = Self::new()
            .page("http://192.168.1.2:8085", json!({"isSecureContext": true, "mediaDevices": true}));
        built.record.session.state = SessionState::Connecting;
        built
            .browser("pc.created", json!({"iceServers": ["stun:198.51.100.1"]}))
            .event(
                SeenBy::Daemon,
                Lane::Web,
                Lane::Signalling,
                "signalling.offer",
                json!({"direction": "play", "trickle": true}),
            )
            .daemon("signalling.answer", json!({}))
            .daemon("signalling.live.open", json!({}))
    }

    /// Both have a candidate, and the other end has it.
    pub fn with_candidates() -> Self {
        Self::answered().own("host", OURS).theirs("host", THEIRS)
    }

    /// A pair works and is selected at both ends.
    pub fn with_path() -> Self {
        Self::with_candidates()
            .check(THEIRS, "outbound", 1)
            .answer(THEIRS)
            .browser("ice.connection_state", json!({"iceState": "connected"}))
            .daemon(
                "ice.selected_pair",
                json!({"localCandidateType": "host", "localAddress": "192.168.1.2", "localPort": 5000,
                    "remoteCandidateType": "host", "remoteAddress": "203.0.113.7", "remotePort": 4000, "protocol": "udp"}),
            )
    }

    /// Everything is up.
    pub fn connected() -> Self {
        Self::up().browser("media.first_decoded", json!({}))
    }

    /// DTLS is up.
    pub fn up() -> Self {
        let mut built = Self::with_path().daemon("dtls.state", json!({"state": "connected"}));
        built.record.session.state = SessionState::Connected;
        built
    }

    /// The page's facts.
    pub fn page(self, origin: &str, mut facts: Value) -> Self {
        facts["origin"] = origin.into();
        self.browser("page.secure_context", facts)
    }

    /// So many seconds after the beginning.
    pub fn at(mut self, seconds: f64) -> Self {
        self.now = (seconds * 1e6) as i64;
        self
    }

    /// One event.
    pub fn event(mut self, seen_by: SeenBy, from: Lane, to: Lane, kind: &str, attributes: Value) -> Self {
        let evidence = if kind.starts_with("stun.") { Evidence::Packet } else { Evidence::Api };
        let Value::Object(attributes) = attributes else { panic!("attributes are an object") };
        self.record.events.push(Event {
            sequence: self.record.events.len() as u64,
            time: self.now,
            uncertainty: 0,
            seen_by,
            from,
            to,
            kind: kind.to_owned(),
            evidence,
            level: Level::Info,
            summary: attributes.get("summary").and_then(Value::as_str).unwrap_or_default().to_owned(),
            attributes,
        });
        self
    }

    /// The browser's page saw it.
    pub fn browser(self, kind: &str, attributes: Value) -> Self {
        self.event(SeenBy::Browser, Lane::Web, Lane::Web, kind, attributes)
    }

    /// The daemon saw it.
    pub fn daemon(self, kind: &str, attributes: Value) -> Self {
        self.event(SeenBy::Daemon, Lane::Peer, Lane::Peer, kind, attributes)
    }

    /// One of the daemon's candidates.
    pub fn own(self, kind: &str, endpoint: &str) -> Self {
        self.daemon("ice.candidate", candidate(kind, endpoint))
    }

    /// One of the browser's, which reached the daemon.
    pub fn theirs(self, kind: &str, endpoint: &str) -> Self {
        let facts = candidate(kind, endpoint);
        self.browser("ice.candidate", facts.clone()).daemon("ice.remote_candidate", facts)
    }

    /// Checks between the daemon and `remote`.
    pub fn check(mut self, remote: &str, direction: &str, count: usize) -> Self {
        for _ in 0..count {
            self.transactions += 1;
            self = self.daemon("stun.binding.request", message(remote, direction, json!({})));
        }
        self
    }

    /// The answer to a check of the daemon.
    pub fn answer(self, remote: &str) -> Self {
        self.daemon("stun.binding.success", message(remote, "inbound", json!({"roundTripTime": 0.01})))
    }

    /// A transaction of the daemon with a server: the request, and its answer if there is one.
    pub fn ask(mut self, kind: &str, server: &str, answer: Option<(&str, Value)>) -> Self {
        self.transactions += 1;
        let id = json!({"transactionId": self.transactions.to_string()});
        let request = message(server, "outbound", merged(id.clone(), json!({"peerAddress": "10.9.9.9:9"})));
        self = self.event(SeenBy::Daemon, Lane::Peer, Lane::Turn, &format!("{kind}.request"), request);
        if let Some((class, attributes)) = answer {
            let answer = message(server, "inbound", merged(id, attributes));
            self = self.event(SeenBy::Daemon, Lane::Turn, Lane::Peer, &format!("{kind}.{class}"), answer);
        }
        self
    }

    /// An Allocate that was refused with a code; `signed` with a credential.
    pub fn refused(self, code: u16, signed: bool) -> Self {
        let attributes = json!({"errorCode": code, "realm": "r", "credentialRefused": signed});
        self.ask("turn.allocate", SERVER, Some(("error", attributes)))
    }

    /// A probe's report.
    pub fn report(mut self, document: Value) -> Self {
        self.reports.push(Report {
            probe: "nat".to_owned(),
            schema: "icescope.nat/1".to_owned(),
            subject: "ipv4".to_owned(),
            outcome: icescope_model::report::Outcome::Pass,
            unix_ms: 0,
            document,
        });
        self
    }

    /// The session is over.
    pub fn closed(mut self, code: &str) -> Self {
        self.record.session.state = SessionState::Closed;
        self.record.session.closed = Some(Closed { code: code.to_owned(), reason: format!("it was {code}") });
        self.daemon("session.closed", json!({"code": code}))
    }

    /// Where it stands.
    pub fn state(mut self, state: SessionState) -> Self {
        self.record.session.state = state;
        self
    }

    /// The candidate pairs, as both ends see them.
    pub fn pairs(&self) -> Vec<icescope_model::pair::JoinedPair> {
        let mut diagnosis = icescope_diagnosis::Diagnosis::default();
        self.record.events.iter().for_each(|event| diagnosis.see(event));
        diagnosis.pairs()
    }

    /// The verdict now, and when to look again.
    pub fn concluded(&self) -> (Verdict, Option<i64>) {
        diagnose(&self.record, &self.reports, self.now)
    }

    /// The verdict now.
    pub fn verdict(&self) -> Verdict {
        self.concluded().0
    }

    /// Asserts that it failed, at that stage, for that cause.
    #[track_caller]
    pub fn fails(&self, cause: &str, stage: Stage) -> Verdict {
        let verdict = self.verdict();
        let found = (verdict.outcome, verdict.cause.as_deref(), verdict.stage);
        assert_eq!(found, (VerdictOutcome::Failed, Some(cause), stage), "{verdict:#?}");
        assert!(!verdict.summary.is_empty() && !verdict.evidence.is_empty(), "{verdict:#?}");
        assert!(!verdict.advice.contains('{'), "a place in the advice is empty: {}", verdict.advice);
        verdict
    }

    /// Asserts that it was found, with that weight, whatever the outcome.
    #[track_caller]
    pub fn finds(&self, cause: &str, weight: Weight) -> Finding {
        let verdict = self.verdict();
        let found = verdict.findings.iter().find(|finding| finding.cause == cause);
        let found = found.unwrap_or_else(|| panic!("{cause} is not among {verdict:#?}"));
        assert_eq!(found.weight, weight, "{found:?}");
        assert!(!found.advice.contains('{'), "a place in the advice is empty: {}", found.advice);
        found.clone()
    }

    /// Asserts that it is neither the cause nor among the findings.
    #[track_caller]
    pub fn is_not(&self, cause: &str) {
        let verdict = self.verdict();
        let found = verdict.findings.iter().any(|finding| finding.cause == cause);
        assert!(!found && verdict.cause.as_deref() != Some(cause), "{verdict:#?}");
    }
}

fn merged(mut one: Value, other: Value) -> Value {
    let (Value::Object(into), Value::Object(from)) = (&mut one, other) else { panic!("both are objects") };
    into.extend(from);
    one
}

fn message(remote: &str, direction: &str, more: Value) -> Value {
    merged(
        json!({"direction": direction, "localAddress": OURS, "remoteAddress": remote, "protocol": "udp"}),
        more,
    )
}

/// A candidate's attributes.
pub fn candidate(kind: &str, endpoint: &str) -> Value {
    let (address, port) = endpoint.rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    json!({"candidateType": kind, "protocol": "udp", "address": address.trim_matches(['[', ']']), "port": port,
        "priority": 1, "candidate": format!("candidate:1 1 udp 1 {address} {port} typ {kind}")})
}

/// Statistics with one pair of the browser.
pub fn stats(sent: u64, responses: u64, received: u64) -> Value {
    json!({
        "local-candidate": [{"id": "L", "candidateType": "host", "address": "203.0.113.7", "port": 4000, "protocol": "udp"}],
        "remote-candidate": [{"id": "R", "candidateType": "host", "address": "192.168.1.2", "port": 5000, "protocol": "udp"}],
        "candidate-pair": [{"id": "P", "localCandidateId": "L", "remoteCandidateId": "R", "state": "in-progress",
            "requestsSent": sent, "responsesReceived": responses, "requestsReceived": received, "bytesSent": 0}],
        "transport": [{"dtlsState": "connecting", "bytesSent": 0}],
    })
}
