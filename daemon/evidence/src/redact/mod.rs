//! A record without what tells whose it is: addresses and names become pseudonyms (pure).
//!
//! The same address or name has the same pseudonym throughout one record; another record begins anew, so nothing can be joined
//! between two of them. Ports, times, counts, kinds and all that the diagnosis reads stay as they were: it comes to the same
//! verdict. What is replaced, what stays and why is said in daemon/model's README.

mod address;
mod marks;
mod names;
mod scan;

use std::net::Ipv4Addr;
use std::ops::Range;

use icescope_model::api::SessionRecord;
use serde_json::Value;

use address::Addresses;
use marks::Mark;
use names::{Name, Names};
use scan::Piece;

/// What stands in the place of what must not be shown.
const HIDDEN: &str = "…";

/// The record as a JSON document, redacted.
pub fn redacted(record: &SessionRecord) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(record)?;
    redact(&mut document);
    Ok(document)
}

/// Redacts a record that was read as JSON, also what another version put into it. One that is redacted already stays.
pub fn redact(document: &mut Value) {
    if document["redacted"] == Value::Bool(true) || !document.is_object() {
        return;
    }
    let mut redaction = Redaction::default();
    redaction.walk(document, "", Turn::Note);
    redaction.walk(document, "", Turn::Replace);
    document["redacted"] = Value::Bool(true);
}

/// A record is walked twice: a name may stand in a sentence before the place that says that it is one, and a pseudonym must
/// not be an address that comes later.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Note,
    Replace,
}

/// What a key says of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// A text that may have anything in it.
    Text,
    /// A word of the format.
    Word,
    /// A product's version, which may look like an address.
    Version,
    /// A name, or names with colons between them.
    Name(Name),
    /// A host's name or address, with or without a port.
    Host,
}

#[derive(Default)]
struct Redaction {
    addresses: Addresses,
    names: Names,
}

impl Redaction {
    fn walk(&mut self, value: &mut Value, key: &str, turn: Turn) {
        match value {
            Value::String(text) => {
                let shown = self.text(text, meaning(key), turn);
                if turn == Turn::Replace {
                    *text = shown;
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.walk(value, key, turn)),
            Value::Object(map) => {
                for (key, value) in std::mem::take(map) {
                    let mut value = value;
                    self.walk(&mut value, &key, turn);
                    let shown = self.text(&key, Meaning::Text, turn);
                    map.insert(if turn == Turn::Replace { shown } else { key }, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str, meaning: Meaning, turn: Turn) -> String {
        if meaning == Meaning::Version && text.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
            return text.to_owned();
        }
        let mut places = match meaning {
            Meaning::Word | Meaning::Version => Vec::new(),
            Meaning::Name(kind) => names_in(text, kind),
            Meaning::Host => host_in(text),
            Meaning::Text => self.places(text),
        };
        places.push((text.len()..text.len(), None));
        let user_agent = text.contains("Mozilla/");
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for (place, name) in places {
            self.loose(&text[at..place.start], user_agent, meaning, turn, &mut shown);
            let part = &text[place.clone()];
            match name {
                Some(kind) if turn == Turn::Note => self.names.note(kind, part),
                Some(kind) => shown.push_str(&self.names.pseudonym(kind, part)),
                None if part.is_empty() => {}
                None => shown.push_str(HIDDEN),
            }
            at = place.end;
        }
        shown
    }

    /// What is known beforehand: by the words before it, and fragments that are no word for the signs in them.
    fn places(&self, text: &str) -> Vec<(Range<usize>, Option<Name>)> {
        let mut places: Vec<_> =
            marks::marks(text).into_iter().map(|(place, mark)| (place, named(mark))).collect();
        let odd = marks::odd_runs(text).filter(|run| self.names.is_known(Name::Fragment, &text[run.clone()]));
        let apart = |run: &Range<usize>| {
            let next = places.partition_point(|(place, _)| place.end <= run.start);
            places.get(next).is_none_or(|(place, _)| run.end <= place.start)
        };
        let odd: Vec<_> = odd.filter(apart).map(|run| (run, Some(Name::Fragment))).collect();
        places.extend(odd);
        places.sort_by_key(|(place, _)| place.start);
        places
    }

    /// A part of a text of which nothing is known beforehand.
    fn loose(&mut self, part: &str, user_agent: bool, meaning: Meaning, turn: Turn, shown: &mut String) {
        let mut at = 0;
        for (place, piece) in scan::pieces(part, user_agent) {
            shown.push_str(&part[at..place.start]);
            at = place.end;
            match turn {
                Turn::Note => self.note(&part[place], piece, meaning),
                Turn::Replace => self.replace(&part[place], piece, meaning, shown),
            }
        }
        shown.push_str(&part[at..]);
    }

    fn note(&mut self, text: &str, piece: Piece, meaning: Meaning) {
        match piece {
            Piece::Address(address) => self.addresses.note(address),
            Piece::Digest => self.names.note(Name::Digest, text),
            Piece::Zone => self.names.note(Name::Interface, text),
            Piece::Word if meaning != Meaning::Word && is_host(text) => self.names.note(Name::Host, text),
            Piece::Word | Piece::HiddenV4(_) | Piece::HiddenV6(_) => {}
        }
    }

    fn replace(&mut self, text: &str, piece: Piece, meaning: Meaning, shown: &mut String) {
        match piece {
            Piece::Address(address) => shown.push_str(&self.addresses.pseudonym(address).to_string()),
            Piece::HiddenV4(network) => {
                let network = Ipv4Addr::from_bits(self.addresses.network_v4(network) << 8).to_string();
                shown.extend([network.trim_end_matches('0'), "x"]);
            }
            Piece::HiddenV6(network) => {
                let network = self.addresses.network_v6(network);
                let groups = [32, 16, 0].map(|shift| format!("{:x}:", network >> shift & 0xffff));
                shown.extend(groups);
                shown.push_str("x:x:x:x:x");
            }
            Piece::Digest => shown.push_str(&self.names.pseudonym(Name::Digest, text)),
            Piece::Zone => shown.push_str(&self.names.pseudonym(Name::Interface, text)),
            Piece::Word if meaning == Meaning::Word => shown.push_str(text),
            Piece::Word => shown.push_str(&self.word(text)),
        }
    }

    fn word(&mut self, word: &str) -> String {
        let known = |kind| self.names.is_known(kind, word);
        let kinds = [Name::Host, Name::Fragment, Name::Interface];
        let kind = if is_host(word) { Some(Name::Host) } else { kinds.into_iter().find(|kind| known(*kind)) };
        kind.map_or_else(|| word.to_owned(), |kind| self.names.pseudonym(kind, word))
    }
}

fn is_host(word: &str) -> bool {
    names::is_mdns(word) || names::is_host_like(word)
}

fn named(mark: Mark) -> Option<Name> {
    match mark {
        Mark::Host => Some(Name::Host),
        Mark::Fragment => Some(Name::Fragment),
        Mark::Foundation => Some(Name::Foundation),
        Mark::Cname => Some(Name::Cname),
        Mark::Secret => None,
    }
}

fn meaning(key: &str) -> Meaning {
    match key {
        "kind" | "from" | "to" | "seenBy" | "format" | "schema" | "type" | "class" | "method" | "code" => {
            Meaning::Word
        }
        "version" | "platformVersion" | "uaFullVersion" => Meaning::Version,
        "username" | "ufrag" => Meaning::Name(Name::Fragment),
        "foundation" => Meaning::Name(Name::Foundation),
        "realm" => Meaning::Name(Name::Realm),
        "interface" => Meaning::Name(Name::Interface),
        "cname" => Meaning::Name(Name::Cname),
        "deviceId" | "groupId" | "label" => Meaning::Name(Name::Label),
        "ip" | "sni" => Meaning::Host,
        _ if key.ends_with("sernameFragment") => Meaning::Name(Name::Fragment),
        _ if ["ddress", "ost", "erverName", "ostname"].iter().any(|end| key.ends_with(end)) => Meaning::Host,
        _ => Meaning::Text,
    }
}

/// A STUN user name is two fragments with a colon between them (RFC 8445 §7.2.2), that of a TURN server may begin with the time
/// of its end, which stays.
fn names_in(text: &str, kind: Name) -> Vec<(Range<usize>, Option<Name>)> {
    let mut start = 0;
    let parts = text.split(':').map(|part| {
        let place = start..start + part.len();
        start = place.end + 1;
        (place, part)
    });
    let is_name = |part: &str| !part.is_empty() && !part.bytes().all(|digit| digit.is_ascii_digit());
    match kind {
        Name::Fragment => {
            parts.filter(|(_, part)| is_name(part)).map(|(place, _)| (place, Some(kind))).collect()
        }
        // The embedded relay's own.
        Name::Realm if text == "icescope" => Vec::new(),
        _ if text.is_empty() => Vec::new(),
        _ => vec![(0..text.len(), Some(kind))],
    }
}

/// A host's name, be it a single word; an address is found without this.
fn host_in(text: &str) -> Vec<(Range<usize>, Option<Name>)> {
    let port = text.rsplit_once(':').filter(|(_, port)| port.bytes().all(|digit| digit.is_ascii_digit()));
    let host = port.map_or(text, |(host, _)| host);
    marks::name(host, 0..host.len()).map(|(place, mark)| (place, named(mark))).into_iter().collect()
}
