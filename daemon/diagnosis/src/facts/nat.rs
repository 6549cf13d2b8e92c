//! How the browser's NAT maps, as its page found out with several STUN servers.

use icescope_model::Event;

use super::attributes::Read;

/// What the page found out of one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// RFC 4787's word, or `ADM or APDM`.
    pub mapping: String,
    /// No server saw another address than the browser's own.
    pub untranslated: bool,
    /// The event.
    pub at: u64,
}

/// What is known of the browser's NAT.
#[derive(Debug, Clone, Default)]
pub struct Nat {
    /// Over IPv4, the newest.
    pub v4: Option<Told>,
    /// The newest word of the daemon's own probe on its NAT over IPv4.
    pub report: Option<u64>,
}

impl Nat {
    pub(super) fn see(&mut self, event: &Event) {
        if event.kind == "probe.report"
            && event.text("schema") == "icescope.nat/1"
            && event.text("subject") == "ipv4"
        {
            self.report = Some(event.sequence);
        }
        if event.kind != "nat.mapping" || !event.by_browser() || event.text("family") != "ipv4" {
            return;
        }
        let mapping = event.text("mapping");
        if ["EIM", "ADM", "APDM", "ADM or APDM"].contains(&mapping) {
            let untranslated = event.text("reason") == "no-translation";
            self.v4 = Some(Told { mapping: mapping.to_owned(), untranslated, at: event.sequence });
        }
    }
}
