//! The page and its browser.

use icescope_model::Event;

use super::attributes::Read;
use super::keep;

/// Something that was said, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub text: String,
    /// The event.
    pub at: u64,
    /// Microseconds on the session's axis.
    pub time: i64,
}

impl Said {
    /// An event's own words, or one of its attributes.
    pub fn new(text: impl Into<String>, event: &Event) -> Self {
        Self { text: text.into(), at: event.sequence, time: event.time }
    }
}

/// What is known of the page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// It told something: there is evidence of the browser's end.
    pub seen: bool,
    /// When it last told something, on the session's axis.
    pub last: Option<i64>,
    /// `isSecureContext`, and whether `navigator.mediaDevices` is there.
    pub secure: Option<(bool, bool, u64)>,
    /// Where it was loaded from.
    pub origin: Option<Said>,
    /// The browser's name.
    pub user_agent: Option<Said>,
    /// The connection object was made.
    pub created: Option<(i64, u64)>,
    /// The URLs that it was given.
    pub server_urls: Vec<String>,
    /// What went wrong in the page.
    pub errors: Vec<Said>,
    /// The browser's host lost its network, or took another: what it said of that.
    pub moved: Vec<Said>,
    network: Option<String>,
}

impl Page {
    pub(super) fn see(&mut self, event: &Event) {
        if !event.by_browser() {
            if event.kind == "signalling.offer" && self.user_agent.is_none() {
                let agent = event.text("userAgent");
                self.user_agent = (!agent.is_empty()).then(|| Said::new(agent, event));
            }
            return;
        }
        self.seen = true;
        self.last = self.last.max(Some(event.time));
        match event.kind.as_str() {
            "page.secure_context" => {
                self.secure = Some((event.is("isSecureContext"), event.is("mediaDevices"), event.sequence));
                let origin = event.text("origin");
                self.origin = (!origin.is_empty()).then(|| Said::new(origin, event));
            }
            "page.user_agent" => self.user_agent = Some(Said::new(event.text("userAgent"), event)),
            "pc.created" => {
                self.created = Some((event.time, event.sequence));
                self.server_urls = event.texts("iceServers");
            }
            "page.error" => keep(&mut self.errors, Said::new(event.summary.as_str(), event)),
            "page.online" if event.attributes.get("onLine") == Some(&false.into()) => {
                keep(&mut self.moved, Said::new("the browser went offline", event));
            }
            "page.network" => self.network(event),
            _ => {}
        }
    }

    /// `navigator.connection` tells its figures again and again; only another type is another network.
    fn network(&mut self, event: &Event) {
        let kind = event.text("type");
        let known = |text: &str| !text.is_empty() && text != "unknown";
        if let Some(before) =
            self.network.as_deref().filter(|before| known(before) && known(kind) && *before != kind)
        {
            keep(&mut self.moved, Said::new(format!("the browser went over from {before} to {kind}"), event));
        }
        self.network = Some(kind.to_owned());
    }

    /// The host part of the page's address.
    pub fn host(&self) -> Option<&str> {
        let origin = self.origin.as_ref()?.text.as_str();
        let authority = origin.split_once("://")?.1;
        match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next(),
            None => authority.split([':', '/']).next(),
        }
    }

    /// Whether the browser says that it is one of these.
    pub fn is_browser(&self, names: &[&str]) -> bool {
        self.user_agent.as_ref().is_some_and(|agent| names.iter().any(|name| agent.text.contains(name)))
    }
}
