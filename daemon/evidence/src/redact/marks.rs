//! What the words before it in a text say of a name: the host of a URL, a user name fragment in a description (pure).

use std::ops::Range;

/// What a place in a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A host's name, be it a single word.
    Host,
    /// A user name fragment (RFC 8839 §5.4).
    Fragment,
    /// A candidate's foundation: browsers hash it from the address.
    Foundation,
    /// The canonical name of an RTP source (RFC 5576 §6.1): it may be `user@host`.
    Cname,
    /// It must not be shown: a password, a user's name, a token.
    Secret,
}

/// The schemes whose URLs stand in records (RFC 7064, RFC 7065 without slashes).
const SCHEMES: [&str; 10] = ["stun", "stuns", "turn", "turns", "http", "https", "ws", "wss", "rtsp", "rtmp"];

/// All of them, in order; none lies in another.
pub fn marks(text: &str) -> Vec<(Range<usize>, Mark)> {
    let mut marks = Vec::new();
    // Most texts are a word.
    if !text.contains([':', '/', '\\', ' ']) {
        return marks;
    }
    urls(text, &mut marks);
    for (before, mark) in [
        ("ice-ufrag:", Mark::Fragment),
        (" ufrag ", Mark::Fragment),
        ("ice-pwd:", Mark::Secret),
        ("a=identity:", Mark::Secret),
        ("candidate:", Mark::Foundation),
        ("cname:", Mark::Cname),
        ("/home/", Mark::Secret),
        ("/Users/", Mark::Secret),
        ("\\Users\\", Mark::Secret),
    ] {
        after(text, before, mark, &mut marks);
    }
    candidates(text, &mut marks);
    description(text, &mut marks);
    signalling(text, &mut marks);
    marks.retain(|(range, _)| !range.is_empty());
    marks.sort_by_key(|(range, mark)| (range.start, std::cmp::Reverse(range.end), *mark));
    let mut end = 0;
    marks.retain(|(range, _)| {
        let apart = range.start >= end;
        end = end.max(range.end);
        apart
    });
    marks
}

fn until(text: &str, start: usize, stop: impl Fn(char) -> bool) -> Range<usize> {
    start..start + text[start..].find(stop).unwrap_or(text.len() - start)
}

fn is_stop(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '«' | '»' | '<' | '>' | '/' | '\\' | ')' | ',')
}

/// Where something comes next. It is asked at places that grow, and goes through a text once, whatever the text is.
struct Ahead<'a, F> {
    text: &'a str,
    is_it: F,
    next: Option<usize>,
}

impl<'a, F: Fn(char) -> bool> Ahead<'a, F> {
    fn of(text: &'a str, is_it: F) -> Self {
        Self { text, is_it, next: None }
    }

    /// The first one from there on, or the text's end.
    fn from(&mut self, at: usize) -> usize {
        if let Some(next) = self.next.filter(|next| *next >= at) {
            return next;
        }
        let next = until(self.text, at, &self.is_it).end;
        self.next = Some(next);
        next
    }
}

fn after(text: &str, before: &str, mark: Mark, marks: &mut Vec<(Range<usize>, Mark)>) {
    // A foundation and a fragment may have slashes in them (RFC 8839 §5.1).
    let slashes =
        matches!(mark, Mark::Foundation | Mark::Fragment) || matches!(before, "ice-pwd:" | "a=identity:");
    let mut stop = Ahead::of(text, |c| is_stop(c) && !(c == '/' && slashes));
    for (at, _) in text.match_indices(before) {
        let start = at + before.len();
        marks.push((start..stop.from(start), mark));
    }
}

/// The host stands at this place in a candidate line, after foundation, component, protocol and priority.
const HOST_AT: usize = 4;
/// A candidate line has its host within this: a foundation has at most 32 letters, a name 255.
const HOST_WITHIN: usize = 512;

/// The host of a candidate line may be a name (RFC 8839 §5.1).
fn candidates(text: &str, marks: &mut Vec<(Range<usize>, Mark)>) {
    for (at, _) in text.match_indices("candidate:") {
        let near = &text[at..text.floor_char_boundary(at + HOST_WITHIN)];
        let line = near.lines().next().unwrap_or_default();
        let before: usize = line.split(' ').take(HOST_AT).map(|word| word.len() + 1).sum();
        let host = line.split(' ').nth(HOST_AT).unwrap_or_default();
        marks.extend(name(text, at + before.min(line.len())..at + before.min(line.len()) + host.len()));
    }
}

/// A host's name at that place; none if it is an address, or one that means the same everywhere.
pub fn name(text: &str, place: Range<usize>) -> Option<(Range<usize>, Mark)> {
    let host = &text[place.clone()];
    let is_name = host.parse::<std::net::IpAddr>().is_err()
        && host.chars().any(char::is_alphabetic)
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && !super::scan::pieces(host, false).iter().any(|(_, piece)| *piece != super::scan::Piece::Word);
    is_name.then_some((place, Mark::Host))
}

/// Runs of what a user name fragment may be made of (RFC 8839 §5.4) with signs in them.
pub fn odd_runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_sign = |c: char| matches!(c, '+' | '/');
    let mut at = 0;
    std::iter::from_fn(move || {
        let of_it = |c: char| c.is_ascii_alphanumeric() || is_sign(c);
        let start = at + text[at..].find(of_it)?;
        at = until(text, start, |c| !of_it(c)).end;
        Some(start..at)
    })
    .filter(move |run| text[run.clone()].contains(is_sign))
}

fn urls(text: &str, marks: &mut Vec<(Range<usize>, Mark)>) {
    let mut authority_end = Ahead::of(text, |c| is_stop(c) || matches!(c, '?' | '#'));
    let mut end = Ahead::of(text, |c| c.is_whitespace() || matches!(c, '"' | '»'));
    let mut question = Ahead::of(text, |c| c == '?');
    let mut done = 0;
    for (colon, _) in text.match_indices(':').skip_while(|(colon, _)| *colon == 0) {
        let scheme = text[..colon].rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if colon < done || !SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            continue;
        }
        let start = colon + if text[colon..].starts_with("://") { 3 } else { 1 };
        let authority = start..authority_end.from(start);
        done = authority.end;
        let mut host = authority.clone();
        if let Some(at) = text[authority.clone()].rfind('@') {
            marks.push((authority.start..authority.start + at, Mark::Secret));
            host.start += at + 1;
        }
        let port = text[host.clone()].find(':').map_or(host.end, |colon| host.start + colon);
        let host = host.start..host.start + text[host.start..port].trim_end_matches(['.', ';']).len();
        marks.extend(name(text, host));
        // What a URL asks with may be a token; of STUN and TURN it is the transport only.
        let query = (question.from(authority.end) + 1).min(text.len())..end.from(authority.end);
        if !query.is_empty() && !text[query.clone()].starts_with("transport=") {
            marks.push((query, Mark::Secret));
        }
    }
}

/// The lines of a description that name a person or a machine (RFC 8866 §5.2, §5.3, §5.4, §5.6).
fn description(text: &str, marks: &mut Vec<(Range<usize>, Mark)>) {
    if !text.starts_with("v=0") {
        return;
    }
    for line in ["\no=", "\ns=", "\ni=", "\nu=", "\ne=", "\np="] {
        for (at, _) in text.match_indices(line) {
            let start = at + line.len();
            let place = until(text, start, |c| matches!(c, '\r' | '\n') || (line == "\no=" && c == ' '));
            if !matches!(text[place.clone()].trim(), "-" | "") {
                marks.push((place, Mark::Secret));
            }
        }
    }
}

/// `/whep/sessions/{id}.{secret}`.
fn signalling(text: &str, marks: &mut Vec<(Range<usize>, Mark)>) {
    for (at, before) in text.match_indices("/sessions/") {
        let key = until(text, at + before.len(), |c| is_stop(c) || matches!(c, '?' | '#'));
        if let Some(dot) = text[key.clone()].find('.') {
            marks.push((key.start + dot + 1..key.end, Mark::Secret));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(&str, Mark)> {
        marks(text).into_iter().map(|(range, mark)| (&text[range], mark)).collect()
    }

    #[test]
    fn urls_have_hosts_and_what_they_hide() {
        for (text, expected) in [
            ("turn:coturn:3478?transport=udp", vec![("coturn", Mark::Host)]),
            ("from stuns:Stun.Example.com.", vec![("Stun.Example.com", Mark::Host)]),
            ("rtsp://me:pass@camera/live", vec![("me:pass", Mark::Secret), ("camera", Mark::Host)]),
            ("see https://h:1/x?token=7 now", vec![("h", Mark::Host), ("token=7", Mark::Secret)]),
            ("turn:192.0.2.1:3478", vec![]),
            ("turn:[2001:db8::1]:3478", vec![]),
            ("the return: nothing", vec![]),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_candidate_has_a_foundation_a_fragment_and_at_times_a_name() {
        let line = "a=candidate:65+/ 1 udp 2113937151 473b.local 51899 typ host ufrag La/Q network-cost 999";
        let expected = [("65+/", Mark::Foundation), ("473b.local", Mark::Host), ("La/Q", Mark::Fragment)];
        assert_eq!(of(line), expected);
    }

    #[test]
    fn a_description_names_its_maker() {
        let sdp = "v=0\r\no=alice 1 2 IN IP4 0.0.0.0\r\ns=-\r\ni=her camera\r\na=ice-pwd:x/y\r\na=ssrc:1 cname:a@b\r\n";
        let expected = [
            ("alice", Mark::Secret),
            ("her camera", Mark::Secret),
            ("x/y", Mark::Secret),
            ("a@b", Mark::Cname),
        ];
        assert_eq!(of(sdp), expected);
    }

    #[test]
    fn a_signalling_url_has_a_secret() {
        assert_eq!(of("/whep/sessions/ec5e.451c"), [("451c", Mark::Secret)]);
        assert_eq!(of("/home/alice/x.toml"), [("alice", Mark::Secret)]);
    }
}
