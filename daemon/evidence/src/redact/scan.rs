//! What identifies somebody in a text: addresses, names, fingerprints (pure).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// An address.
    Address(IpAddr),
    /// `192.0.2.x`: a browser hides the last byte; these are the first 24 bits.
    HiddenV4(u32),
    /// `2001:db8:1:x:x:x:x:x`: a browser hides all but these 48 bits.
    HiddenV6(u64),
    /// Bytes in hexadecimal with colons: a certificate's fingerprint, a MAC address.
    Digest,
    /// The zone of a link-local address (RFC 4007 §11): an interface.
    Zone,
    /// A word: letters, digits, `_`, `-` and dots inside.
    Word,
}

/// The pieces of a text and where they are; what lies between them is punctuation. In a user agent's name the version of a
/// product may look like an address: `Chrome/156.0.0.0`.
pub fn pieces(text: &str, user_agent: bool) -> Vec<(std::ops::Range<usize>, Piece)> {
    let mut pieces = Vec::new();
    let (mut at, mut run_end) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else { break };
        if !(is_word(c) || (c == ':' && rest.starts_with("::"))) {
            at += c.len_utf8();
            continue;
        }
        let before = text[..at].chars().next_back();
        let product = user_agent && before == Some('/') && !text[..at].ends_with("//");
        // A long run is gone through once; what it may hold is short, but for digests.
        let whole = at >= run_end;
        if whole {
            run_end = at + run(rest);
        }
        let found = if whole { digest(rest, run_end - at) } else { None };
        let found = found.or_else(|| colons(rest, run_end - at));
        let found = found.or_else(|| if product { None } else { dotted(rest) });
        let (length, piece) = found.unwrap_or_else(|| (word(rest), Piece::Word));
        let length = length.max(c.len_utf8());
        pieces.push((at..at + length, piece));
        at += length;
        if matches!(piece, Piece::Address(IpAddr::V6(_))) && text[at..].starts_with('%') {
            let zone = word(&text[at + 1..]);
            pieces.push((at + 1..at + 1 + zone, Piece::Zone));
            at += 1 + zone;
        }
    }
    pieces
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a word, without the dots and hyphens at its end.
fn word(text: &str) -> usize {
    let end = text.find(|c| !(is_word(c) || c == '.' || c == '-')).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-']).len()
}

/// The piece ends where no letter or digit follows.
fn ends(text: &str, length: usize) -> bool {
    !text[length..].chars().next().is_some_and(is_word)
}

/// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`, a port and what ends a sentence.
const LONGEST_ADDRESS: usize = 54;

/// The length of what IPv6 addresses and digests are made of.
fn run(text: &str) -> usize {
    let of_it = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | 'x');
    text.find(|c| !of_it(c)).unwrap_or(text.len())
}

/// Bytes with colons between them; eight could be an IPv6 address, too.
fn digest(text: &str, length: usize) -> Option<(usize, Piece)> {
    let run = text[..length].trim_end_matches([':', '.']);
    (is_digest(run) && run.parse::<Ipv6Addr>().is_err() && ends(text, run.len()))
        .then_some((run.len(), Piece::Digest))
}

/// An IPv6 address.
fn colons(text: &str, length: usize) -> Option<(usize, Piece)> {
    let run = &text[..length.min(LONGEST_ADDRESS)];
    // Eight groups, a port, and a colon of the sentence have nine.
    if !(2..=9).contains(&run.matches(':').count()) {
        return None;
    }
    // A colon or a full stop at its end belongs to the sentence, unless it is the address's own «::».
    let shorter = run.trim_end_matches('.');
    let shorter = if shorter.ends_with("::") { shorter } else { shorter.trim_end_matches([':', '.']) };
    // Some write an address and a port without brackets.
    let without_port = shorter.rsplit_once(':').map_or(shorter, |(address, _)| address);
    [run, shorter, shorter.trim_end_matches(':'), without_port].into_iter().find_map(|run| {
        let address = run.parse::<Ipv6Addr>().ok().map(|address| Piece::Address(address.into()));
        let piece = address.or_else(|| hidden_v6(run))?;
        ends(text, run.len()).then_some((run.len(), piece))
    })
}

fn hidden_v6(run: &str) -> Option<Piece> {
    let shown: Vec<&str> = run.split(':').take_while(|group| *group != "x").collect();
    let hidden = run.split(':').skip(shown.len()).all(|group| group == "x");
    let groups: Option<Vec<u16>> = shown.iter().map(|group| u16::from_str_radix(group, 16).ok()).collect();
    let network = groups?.first_chunk::<3>()?.iter().fold(0, |bits, group| bits << 16 | u64::from(*group));
    (hidden && run.ends_with('x')).then_some(Piece::HiddenV6(network))
}

/// Six bytes or more: a MAC address is the shortest. Chromium's ids of certificates are «CF» and the fingerprint.
fn is_digest(run: &str) -> bool {
    let run = run.strip_prefix("CF").filter(|rest| rest.as_bytes().get(2) == Some(&b':')).unwrap_or(run);
    run.as_bytes().get(2) == Some(&b':')
        && run.split(':').count() >= 6
        && run.split(':').all(|byte| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// An IPv4 address. What goes on with further numbers is one, too: tcpdump writes the port so.
fn dotted(text: &str) -> Option<(usize, Piece)> {
    let mut bytes = [0_u8; 4];
    let mut length = 0;
    for (place, byte) in bytes.iter_mut().enumerate() {
        let part = &text[length..];
        if place == 3 && part.starts_with('x') && ends(text, length + 1) {
            return Some((length + 1, Piece::HiddenV4(u32::from_be_bytes(bytes) >> 8)));
        }
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        *byte = part[..digits.min(4)].parse().ok()?;
        length += digits;
        if place < 3 {
            length += text[length..].starts_with('.').then_some(1)?;
        }
    }
    ends(text, length).then_some((length, Piece::Address(Ipv4Addr::from(bytes).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, Piece)> {
        pieces(text, text.contains("Mozilla/"))
            .into_iter()
            .map(|(range, piece)| (&text[range], piece))
            .filter(|(_, piece)| *piece != Piece::Word)
            .collect()
    }

    fn address(text: &str) -> (&str, Piece) {
        (text, Piece::Address(text.parse().unwrap()))
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        for (text, expected) in [
            ("Checks to 192.0.2.1:3478.", "192.0.2.1"),
            ("turn:192.0.2.1:3478?transport=udp", "192.0.2.1"),
            ("candidate:1 1 udp 1 2001:db8::1 44569 typ host", "2001:db8::1"),
            ("from [2001:db8::1]:46598: nominates", "2001:db8::1"),
            ("from 2001:db8::1: it nominates", "2001:db8::1"),
            ("route fd00:1::/64.", "fd00:1::"),
            ("10.0.0.0/8", "10.0.0.0"),
            ("host udp 2001:db8::1:44569", "2001:db8::1"),
            ("the mapped ::ffff:192.0.2.1, too", "::ffff:192.0.2.1"),
            ("IP 192.0.2.1.443 > ", "192.0.2.1"),
            ("192.0.2.1.nip.io", "192.0.2.1"),
            ("http://192.0.2.1/x Mozilla/5.0", "192.0.2.1"),
            ("udp/192.0.2.1", "192.0.2.1"),
            ("«192.0.2.1»", "192.0.2.1"),
        ] {
            assert_eq!(found(text), [address(expected)], "{text}");
        }
        let link_local = "fe80::1%eth0";
        assert_eq!(found(link_local), [address("fe80::1"), ("eth0", Piece::Zone)]);
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in [
            "Mozilla/5.0 (X11) HeadlessChrome/156.0.0.0 Safari/537.36",
            "Coturn-4.6.1 'Gorst'",
            "12:34:56",
            "std::io::Error",
            "300.1.1.1",
            "v1.2.3",
            "a=rtcp:9 IN",
            "RFC 8445: a pair",
            "616776664876484b6d433061",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn what_a_browser_hides_is_known_by_its_x() {
        assert_eq!(found("192.168.1.x:0"), [("192.168.1.x", Piece::HiddenV4(0x00c0_a801))]);
        let hidden = "[2001:db8:7:x:x:x:x:x]:0";
        assert_eq!(found(hidden), [("2001:db8:7:x:x:x:x:x", Piece::HiddenV6(0x2001_0db8_0007))]);
    }

    #[test]
    fn fingerprints_and_mac_addresses_are_digests() {
        assert_eq!(
            found("sha-256 14:B7:9E:BE:44:BF:89:58:06 x"),
            [("14:B7:9E:BE:44:BF:89:58:06", Piece::Digest)]
        );
        assert_eq!(found("at 02:42:ac:11:00:02."), [("02:42:ac:11:00:02", Piece::Digest)]);
        assert_eq!(
            found("CF14:B7:9E:BE:44:BF:89:58:06").len(),
            1,
            "Chromium's ids of certificates have them, too"
        );
    }
}
