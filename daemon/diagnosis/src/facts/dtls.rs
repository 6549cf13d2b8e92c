//! The DTLS handshake, as the daemon's wiretap saw it and as both ends call its state.

use icescope_model::Event;

use super::attributes::Read;
use super::cite;
use super::page::Said;

/// One handshake message, one way.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// `dtls.client_hello`.
    pub kind: String,
    /// To the daemon.
    pub inbound: bool,
    /// Records seen that carry it or a part of it.
    pub seen: u32,
    /// How often its first part was seen: more than once is a retransmission.
    pub times: u32,
    /// Its whole length.
    pub length: u64,
    /// The largest part.
    pub fragment: u64,
    /// How many of its bytes were seen, from its beginning on without a gap.
    pub whole_until: u64,
    parts: Vec<(u64, u64)>,
    /// The first and the last time.
    pub first: i64,
    /// The last time.
    pub last: i64,
    /// The first ones.
    pub at: Vec<u64>,
}

impl Message {
    fn part(&mut self, event: &Event) {
        let from = event.count("fragmentOffset").unwrap_or(0);
        let part = (from, from.saturating_add(event.count("fragmentLength").unwrap_or(0)));
        if !self.parts.contains(&part) {
            super::keep(&mut self.parts, part);
            self.parts.sort_unstable();
        }
        self.whole_until = 0;
        for (from, to) in &self.parts {
            if *from <= self.whole_until {
                self.whole_until = self.whole_until.max(*to);
            }
        }
    }

    /// Every byte of it was seen.
    pub fn is_whole(&self) -> bool {
        self.whole_until >= self.length
    }
}

/// An alert that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// It came to the daemon.
    pub inbound: bool,
    /// It ends the handshake.
    pub fatal: bool,
    /// Its name (RFC 5246 §7.2), and where.
    pub said: Said,
}

/// What is known of the handshake.
#[derive(Debug, Clone, Default)]
pub struct Dtls {
    /// The messages, each kind once per direction.
    pub messages: Vec<Message>,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// Encrypted handshake records to and from the daemon: the Finished messages.
    pub finished: [u32; 2],
    /// The daemon's word for it.
    pub daemon: Option<Said>,
    /// The browser's word for it.
    pub browser: Option<Said>,
    /// What the browser complained of.
    pub errors: Vec<Said>,
}

impl Dtls {
    pub(super) fn see(&mut self, event: &Event) {
        match event.kind.as_str() {
            "dtls.state" if event.by_browser() => {
                newest(&mut self.browser, Said::new(event.text("dtlsState"), event));
            }
            "dtls.state" => newest(&mut self.daemon, Said::new(event.text("state"), event)),
            "dtls.error" => super::keep(&mut self.errors, Said::new(event.text("message"), event)),
            "dtls.alert" => {
                let alert = event.text("alert");
                if !alert.is_empty() {
                    let fatal = event.text("alertLevel") == "fatal";
                    let said = Said::new(alert, event);
                    super::keep(&mut self.alerts, Alert { inbound: event.inbound(), fatal, said });
                }
            }
            "dtls.encrypted_handshake" => self.finished[usize::from(event.outbound())] += 1,
            kind if event.attributes.contains_key("handshakeType") => self.message(kind, event),
            _ => {}
        }
    }

    fn message(&mut self, kind: &str, event: &Event) {
        let inbound = event.inbound();
        let known =
            self.messages.iter().position(|message| message.kind == kind && message.inbound == inbound);
        let at = match known {
            Some(at) => at,
            None if self.messages.len() == super::MOST => return,
            None => {
                self.messages.push(Message {
                    kind: kind.to_owned(),
                    inbound,
                    first: event.time,
                    last: event.time,
                    ..Message::default()
                });
                self.messages.len() - 1
            }
        };
        let Some(message) = self.messages.get_mut(at) else { return };
        message.seen += 1;
        message.times += u32::from(event.count("fragmentOffset").unwrap_or(0) == 0);
        message.length = message.length.max(event.count("length").unwrap_or(0));
        message.fragment = message.fragment.max(event.count("fragmentLength").unwrap_or(0));
        message.part(event);
        message.first = message.first.min(event.time);
        message.last = message.last.max(event.time);
        cite(&mut message.at, event.sequence);
    }

    /// A message of that kind, one way.
    pub fn message_of(&self, kind: &str, inbound: bool) -> Option<&Message> {
        self.messages.iter().find(|message| message.kind == kind && message.inbound == inbound)
    }

    /// The handshake is done, by the word of either end.
    pub fn connected(&self) -> Option<&Said> {
        [&self.daemon, &self.browser].into_iter().flatten().find(|said| said.text == "connected")
    }
}

fn newest(slot: &mut Option<Said>, said: Said) {
    if slot.as_ref().is_none_or(|known| known.time <= said.time) {
        *slot = Some(said);
    }
}
