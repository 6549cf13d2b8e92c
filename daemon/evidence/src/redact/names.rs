//! Pseudonyms of names: numbered in the order in which they turn up (pure).

use std::collections::HashMap;

/// What kind of name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// A host's.
    Host,
    /// A user name fragment of ICE.
    Fragment,
    /// A candidate's foundation.
    Foundation,
    /// The canonical name of an RTP source.
    Cname,
    /// The realm of a TURN server.
    Realm,
    /// A network interface.
    Interface,
    /// A fingerprint, a MAC address.
    Digest,
    /// A device or another thing of the user.
    Label,
}

/// Words of our own sentences that are hosts' names, too: in a sentence they stay.
const COMMON: [&str; 22] = [
    "server",
    "relay",
    "turn",
    "stun",
    "daemon",
    "browser",
    "peer",
    "host",
    "test",
    "client",
    "proxy",
    "gateway",
    "router",
    "video",
    "camera",
    "media",
    "page",
    "web",
    "signalling",
    "session",
    "network",
    "address",
];

/// The last labels of names on the internet and in house networks, beside those of countries (two letters).
const LAST: [&str; 32] = [
    "com",
    "org",
    "net",
    "edu",
    "gov",
    "mil",
    "int",
    "arpa",
    "info",
    "biz",
    "app",
    "dev",
    "cloud",
    "xyz",
    "online",
    "site",
    "tech",
    "systems",
    "lan",
    "home",
    "internal",
    "intranet",
    "corp",
    "localdomain",
    "example",
    "invalid",
    "onion",
    "box",
    "private",
    "cluster",
    "svc",
    "local",
];

/// How interfaces of a kind begin (systemd.net-naming-scheme, and what makes virtual ones).
const INTERFACES: [(&str, &str); 16] = [
    ("lo", "lo"),
    ("eth", "eth"),
    ("en", "eth"),
    ("wl", "wlan"),
    ("ww", "wwan"),
    ("docker", "docker"),
    ("br", "bridge"),
    ("virbr", "bridge"),
    ("veth", "veth"),
    ("tun", "tun"),
    ("utun", "tun"),
    ("tap", "tap"),
    ("wg", "wg"),
    ("tailscale", "tailscale"),
    ("ppp", "ppp"),
    ("bond", "bond"),
];

/// The pseudonyms that were given.
#[derive(Debug, Default)]
pub struct Names {
    given: HashMap<(Name, String), usize>,
    count: HashMap<Name, usize>,
}

impl Names {
    /// A name that stands in the record.
    pub fn note(&mut self, kind: Name, name: &str) {
        if !is_universal(kind, name) {
            self.number(kind, name);
        }
    }

    fn number(&mut self, kind: Name, name: &str) -> usize {
        if let Some(number) = self.given.get(&(kind, folded(kind, name))) {
            return *number;
        }
        let count = self.count.entry(kind).or_default();
        *count += 1;
        self.given.insert((kind, folded(kind, name)), *count);
        *count
    }

    /// Whether a word of a sentence is a name that was noted elsewhere.
    pub fn is_known(&self, kind: Name, word: &str) -> bool {
        let folded = folded(kind, word);
        let common = kind == Name::Host && COMMON.contains(&folded.as_str());
        !common && self.given.contains_key(&(kind, folded))
    }

    /// The name's pseudonym.
    pub fn pseudonym(&mut self, kind: Name, name: &str) -> String {
        if is_universal(kind, name) {
            return name.to_owned();
        }
        let number = self.number(kind, name);
        match kind {
            Name::Host if is_mdns(name) => format!("mdns-{number}.local"),
            Name::Host if name.contains('.') => format!("host{number}.example"),
            Name::Host => format!("host{number}"),
            Name::Fragment => format!("ufrag{number}"),
            Name::Foundation => number.to_string(),
            Name::Cname => format!("cname{number}"),
            Name::Realm => format!("realm{number}"),
            Name::Interface => format!("{}{number}", interface_kind(name)),
            Name::Label => format!("label{number}"),
            Name::Digest => digest(name, number),
        }
    }
}

/// Hosts' names do not differ by case (RFC 4343).
fn folded(kind: Name, name: &str) -> String {
    match kind {
        Name::Host => name.trim_end_matches('.').to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

/// Hosts that name nobody's machine: this one; what our advice writes for a name to fill in; where the names of RTP's header
/// extensions lie, and what Chromium's messages point to.
const UNIVERSAL: [&str; 6] =
    ["localhost", "HOST", "www.webrtc.org", "www.ietf.org", "aomediacodec.github.io", "goo.gl"];

fn is_universal(kind: Name, name: &str) -> bool {
    kind == Name::Host && (UNIVERSAL.contains(&name) || name.eq_ignore_ascii_case("localhost"))
}

/// A name that only multicast DNS resolves (RFC 6762 §3).
pub fn is_mdns(word: &str) -> bool {
    word.to_ascii_lowercase().strip_suffix(".local").is_some_and(|name| !name.is_empty())
}

/// A word that looks like a host's name: labels with dots, and a last one that such names have.
pub fn is_host_like(word: &str) -> bool {
    let Some((rest, last)) = word.rsplit_once('.') else { return false };
    let labels = rest.split('.').all(|label| !label.is_empty());
    let last = last.to_ascii_lowercase();
    // What ends so in our texts is a file.
    let file = matches!(last.as_str(), "so" | "rs");
    let country = last.len() == 2 && !file && last.bytes().all(|letter| letter.is_ascii_lowercase());
    labels && (country || last.starts_with("xn--") || LAST.contains(&last.as_str()))
}

fn interface_kind(name: &str) -> &'static str {
    let known = INTERFACES.iter().filter(|(start, _)| name.starts_with(start));
    known.max_by_key(|(start, _)| start.len()).map_or("if", |(_, kind)| kind)
}

/// As many bytes as it has, the number in the last two.
fn digest(name: &str, number: usize) -> String {
    let (mark, bytes) = match name.strip_prefix("CF") {
        Some(rest) if rest.as_bytes().get(2) == Some(&b':') => ("CF", rest),
        _ => ("", name),
    };
    let zeros = "00:".repeat(bytes.split(':').count().saturating_sub(2));
    format!("{mark}{zeros}{:02X}:{:02X}", number >> 8 & 0xff, number & 0xff)
}
