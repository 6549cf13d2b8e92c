//! What both ends call their states, and the pair that each selected.

use icescope_model::Event;
use serde_json::Value;

use super::attributes::Read;
use super::page::Said;

/// The selected pair, from one end. «Local» is that end's own candidate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// The type of its own candidate.
    pub local_kind: String,
    /// The type of the other end's.
    pub remote_kind: String,
    /// Its own address.
    pub local: String,
    /// Its own port.
    pub local_port: u64,
    /// The other end's address.
    pub remote: String,
    /// The other end's port.
    pub remote_port: u64,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// How its relay is spoken to.
    pub relay_protocol: Option<String>,
    /// Microseconds on the session's axis.
    pub time: i64,
    /// The event.
    pub at: u64,
}

/// What is known of the states.
#[derive(Debug, Clone, Default)]
pub struct States {
    /// ICE, by the daemon's word; the newest.
    pub daemon_ice: Option<Said>,
    /// ICE, by the browser's word; the newest.
    pub browser_ice: Option<Said>,
    /// The connection, by the browser's word; the newest.
    pub browser: Option<Said>,
    /// When either end's ICE was first disconnected after it was connected.
    pub disconnected: Option<(i64, u64)>,
    /// When either end's ICE failed first.
    pub failed: Option<(i64, u64)>,
    /// Either end's ICE was connected.
    pub ice_connected: Option<(i64, u64)>,
    /// The browser's whole connection was up.
    pub connected: Option<(i64, u64)>,
    /// The pair that the daemon selected last.
    pub daemon_pair: Option<Selected>,
    /// The pair that the browser selected last.
    pub browser_pair: Option<Selected>,
    /// When the session ended.
    pub closed_time: Option<i64>,
    /// The session's end was recorded.
    pub closed: Option<u64>,
}

impl States {
    pub(super) fn see(&mut self, event: &Event) {
        match event.kind.as_str() {
            "ice.connection_state" => self.ice(event),
            "pc.connection_state" => {
                let said = Said::new(event.text("connectionState"), event);
                if said.text == "connected" {
                    self.connected.get_or_insert((said.time, said.at));
                }
                newest(&mut self.browser, said);
            }
            "ice.selected_pair" if event.by_browser() => self.browser_pair = Some(by_browser(event)),
            "ice.selected_pair" => self.daemon_pair = Some(by_daemon(event)),
            "session.closed" => {
                self.closed.get_or_insert(event.sequence);
                self.closed_time.get_or_insert(event.time);
            }
            _ => {}
        }
    }

    fn ice(&mut self, event: &Event) {
        let browser = event.by_browser();
        let said = Said::new(event.text(if browser { "iceState" } else { "state" }), event);
        let here = (said.time, said.at);
        match said.text.as_str() {
            "connected" | "completed" => {
                self.ice_connected.get_or_insert(here);
            }
            "disconnected" => {
                self.disconnected.get_or_insert(here);
            }
            "failed" => {
                self.failed.get_or_insert(here);
            }
            _ => {}
        }
        newest(if browser { &mut self.browser_ice } else { &mut self.daemon_ice }, said);
    }
}

fn newest(slot: &mut Option<Said>, said: Said) {
    if slot.as_ref().is_none_or(|known| known.time <= said.time) {
        *slot = Some(said);
    }
}

fn by_daemon(event: &Event) -> Selected {
    Selected {
        local_kind: event.text("localCandidateType").to_owned(),
        remote_kind: event.text("remoteCandidateType").to_owned(),
        local: event.text("localAddress").to_owned(),
        local_port: event.count("localPort").unwrap_or(0),
        remote: event.text("remoteAddress").to_owned(),
        remote_port: event.count("remotePort").unwrap_or(0),
        protocol: event.text("protocol").to_owned(),
        relay_protocol: None,
        time: event.time,
        at: event.sequence,
    }
}

fn by_browser(event: &Event) -> Selected {
    let text = |end: &str, key: &str| {
        let value = event.attributes.get(end).and_then(|end| end.get(key));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let port = |end: &str| {
        let value = event.attributes.get(end).and_then(|end| end.get("port"));
        value.and_then(super::attributes::number).unwrap_or(0)
    };
    Selected {
        local_kind: text("localCandidate", "candidateType"),
        remote_kind: text("remoteCandidate", "candidateType"),
        local: text("localCandidate", "address"),
        local_port: port("localCandidate"),
        remote: text("remoteCandidate", "address"),
        remote_port: port("remoteCandidate"),
        protocol: text("localCandidate", "protocol"),
        relay_protocol: Some(text("localCandidate", "relayProtocol")).filter(|text| !text.is_empty()),
        time: event.time,
        at: event.sequence,
    }
}
