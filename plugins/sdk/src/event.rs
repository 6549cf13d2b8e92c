//! What a plugin observed, and what it found.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsAddr, IcsAttr, IcsEvent, IcsReport, IcsStr, IcsValue};

use crate::{Error, Host};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $value:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// The contract's number for it.
            pub const fn raw(self) -> u32 {
                match self { $(Self::$variant => abi::$value),* }
            }

            /// From the contract's number.
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match raw { $(abi::$value => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// How much something matters; the most important is the least.
    Level {
        /// Something failed.
        Error = ICS_ERROR,
        /// Something is degraded.
        Warn = ICS_WARN,
        /// The ordinary course of things.
        Info = ICS_INFO,
        /// Detail.
        Debug = ICS_DEBUG,
        /// Everything.
        Trace = ICS_TRACE,
    }
}

words! {
    /// How something turned out. Unknown is not failed.
    Outcome {
        /// As it should be.
        Pass = ICS_PASS,
        /// Not as it should be.
        Failed = ICS_FAILED,
        /// It could not be told.
        Unknown = ICS_UNKNOWN,
        /// It was not tried.
        Skipped = ICS_SKIPPED,
    }
}

words! {
    /// One of the lifelines of the sequence diagram.
    Lane {
        /// The browser.
        Web = ICS_LANE_WEB,
        /// The daemon's HTTP endpoints.
        Signalling = ICS_LANE_SIGNALLING,
        /// A STUN server.
        Stun = ICS_LANE_STUN,
        /// A TURN server.
        Turn = ICS_LANE_TURN,
        /// The daemon's machine, where the plugin runs.
        Peer = ICS_LANE_PEER,
    }
}

words! {
    /// What kind of observation it was.
    Evidence {
        /// A packet was seen on a socket.
        Packet = ICS_EVIDENCE_PACKET,
        /// An API reported it.
        Api = ICS_EVIDENCE_API,
    }
}

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

/// What an address is an address of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A transport address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub SocketAddr, pub Transport);

impl Address {
    fn raw(self) -> IcsAddr {
        let mut ip = [0; 16];
        let family = match self.0.ip() {
            IpAddr::V4(address) => {
                ip[..4].copy_from_slice(&address.octets());
                4
            }
            IpAddr::V6(address) => {
                ip = address.octets();
                6
            }
        };
        // Protocol numbers of IANA.
        let proto = match self.1 {
            Transport::Tcp => 6,
            Transport::Udp => 17,
        };
        IcsAddr { ip, port: self.0.port(), family, proto }
    }
}

/// The value of one fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Yes or no.
    Bool(bool),
    /// Signed.
    I64(i64),
    /// Unsigned.
    U64(u64),
    /// Floating point.
    F64(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A time span.
    Span(Duration),
    /// A transport address.
    Address(Address),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

value_from! {
    bool => Bool, i64 => I64, i32 => I64, u64 => U64, u32 => U64, u16 => U64, f64 => F64, &'a str => Text,
    String => Text, &'a String => Text, &'a [u8] => Bytes, Vec<u8> => Bytes, Duration => Span, Address => Address,
}

impl Value<'_> {
    fn raw(&self) -> (u32, IcsValue) {
        match self {
            Self::Bool(value) => (abi::ICS_T_BOOL, IcsValue { b: u64::from(*value) }),
            Self::I64(value) => (abi::ICS_T_I64, IcsValue { i: *value }),
            Self::U64(value) => (abi::ICS_T_U64, IcsValue { u: *value }),
            Self::F64(value) => (abi::ICS_T_F64, IcsValue { f: *value }),
            Self::Text(value) => (abi::ICS_T_STR, IcsValue { s: IcsStr::new(value) }),
            Self::Bytes(value) => {
                (abi::ICS_T_BYTES, IcsValue { s: IcsStr { ptr: value.as_ptr().cast(), len: value.len() } })
            }
            Self::Span(value) => {
                (abi::ICS_T_NS, IcsValue { i: i64::try_from(value.as_nanos()).unwrap_or(i64::MAX) })
            }
            Self::Address(value) => (abi::ICS_T_ADDR, IcsValue { a: value.raw() }),
        }
    }
}

/// One observation, being filled. Nothing is told until [`Event::emit`].
#[must_use = "an event is told by emit()"]
#[derive(Debug)]
pub struct Event<'a> {
    host: &'a Host,
    schema: &'a str,
    summary: Cow<'a, str>,
    level: Level,
    time_ns: i64,
    span: u64,
    parent: u64,
    outcome: u32,
    from: u32,
    to: u32,
    evidence: u32,
    facts: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(host: &'a Host, schema: &'a str) -> Self {
        let lane = Lane::Peer.raw();
        Self {
            host,
            schema,
            summary: Cow::Borrowed(""),
            level: Level::Info,
            time_ns: host.now_ns(),
            span: 0,
            parent: 0,
            outcome: 0,
            from: lane,
            to: lane,
            evidence: abi::ICS_EVIDENCE_NONE,
            facts: Vec::new(),
        }
    }

    /// One line for a person.
    pub fn summary(mut self, summary: impl Into<Cow<'a, str>>) -> Self {
        self.summary = summary.into();
        self
    }

    /// How much it matters; info unless set.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// When it happened, on the clock of [`Host::now_ns`]; when the event was begun unless set.
    pub fn at_ns(mut self, time_ns: i64) -> Self {
        self.time_ns = time_ns;
        self
    }

    /// The step that it belongs to.
    pub fn span(mut self, span: u64) -> Self {
        self.span = span;
        self
    }

    /// The step that its step is part of.
    pub fn parent(mut self, parent: u64) -> Self {
        self.parent = parent;
        self
    }

    /// How the step turned out.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome.raw();
        self
    }

    /// Where it started and where it went, and what shows it.
    pub fn seen(mut self, evidence: Evidence, from: Lane, to: Lane) -> Self {
        self.evidence = evidence.raw();
        self.from = from.raw();
        self.to = to.raw();
        self
    }

    /// Adds a fact. Names are those of webrtc-stats where one exists.
    pub fn with(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.facts.push((key.into(), value.into()));
        self
    }

    /// Tells it to the host. False if the host was full and dropped it, or refused it.
    pub fn emit(self) -> bool {
        let attrs: Vec<IcsAttr> = self
            .facts
            .iter()
            .map(|(key, value)| {
                let (r#type, v) = value.raw();
                IcsAttr { key: IcsStr::new(key), r#type, reserved: 0, v }
            })
            .collect();
        let event = IcsEvent {
            size: size_of::<IcsEvent>() as u32,
            level: self.level.raw(),
            schema: IcsStr::new(self.schema),
            summary: IcsStr::new(&self.summary),
            time_ns: self.time_ns,
            span: self.span,
            parent: self.parent,
            outcome: self.outcome,
            n_attrs: attrs.len() as u32,
            attrs: attrs.as_ptr(),
            from_lane: self.from,
            to_lane: self.to,
            evidence: self.evidence,
            reserved: 0,
        };
        let status = self.host.call(|host, ctx| {
            // SAFETY: a function of the host's with its ctx; all that the event shows lives until it returns.
            host.emit.map(|function| unsafe { function(ctx, &raw const event) })
        });
        status.flatten() == Some(abi::ICS_OK)
    }
}

/// What a run found: one document, to be reported with [`Host::report`].
#[derive(Debug, Clone, Copy)]
pub struct Report<'a, T> {
    /// The document's schema and revision: `org.example.host/1`.
    pub schema: &'a str,
    /// What it is about: `ipv4`, a server's URL.
    pub subject: &'a str,
    /// How it turned out.
    pub outcome: Outcome,
    /// The step or run that it belongs to; 0 for none.
    pub span: u64,
    /// The document.
    pub document: &'a T,
}

/// The contract's limit.
const REPORT_MAX: usize = 1 << 20;

impl<T: serde::Serialize> Report<'_, T> {
    pub(crate) fn send(&self, host: &Host) -> Result<(), Error> {
        let refused =
            |why: String| Error::failed(format!("the report {} on «{}» {why}", self.schema, self.subject));
        let json = serde_json::to_string(self.document)
            .map_err(|error| refused(format!("cannot be written as JSON: {error}")))?;
        if json.len() > REPORT_MAX {
            return Err(refused(format!("has {} bytes; at most {REPORT_MAX} are allowed", json.len())));
        }
        let raw = IcsReport {
            size: size_of::<IcsReport>() as u32,
            outcome: self.outcome.raw(),
            span: self.span,
            schema: IcsStr::new(self.schema),
            subject: IcsStr::new(self.subject),
            json: IcsStr::new(&json),
        };
        let status = host.call(|host, ctx| {
            // SAFETY: a function of the host's with its ctx; all that the report shows lives until it returns.
            host.report.map(|function| unsafe { function(ctx, &raw const raw) })
        });
        match status.flatten() {
            Some(abi::ICS_OK) => Ok(()),
            Some(status) => Err(refused(format!("was refused by the host with status {status}"))),
            None => Err(Error::stopping("the instance is being destroyed")),
        }
    }
}
