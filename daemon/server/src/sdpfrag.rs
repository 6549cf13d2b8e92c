//! `application/trickle-ice-sdpfrag` (RFC 8840 §9): reading a client's fragment, writing the daemon's.

use icescope_model::signal::{LocalCandidates, Trickle};

use crate::sdp::{self, Shape};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/trickle-ice-sdpfrag";

/// Candidates in one fragment; a session may bring fewer in all.
const MOST_CANDIDATES: usize = 200;

/// Why a fragment cannot be used; the number is its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FragmentError {
    #[error("the fragment says nothing: it has no candidate, no end-of-candidates and no ice-ufrag")]
    Empty,
    #[error("line {0} of the fragment is no SDP line (one letter, «=», a value)")]
    NotSdp(usize),
    #[error("line {0} of the fragment has control characters")]
    Control(usize),
    #[error(
        "line {0}: a candidate is «foundation component transport priority address port typ type …» (RFC 8839 §5.1)"
    )]
    Candidate(usize),
    #[error("line {0}: an ice-ufrag has 4 to 256 characters of A-Z a-z 0-9 + / (RFC 8839 §5.4)")]
    Ufrag(usize),
    #[error("line {0}: an ice-pwd has 22 to 256 characters of A-Z a-z 0-9 + / (RFC 8839 §5.4)")]
    Pwd(usize),
    #[error("the fragment has more than {MOST_CANDIDATES} candidates")]
    TooMany,
}

/// Reads a fragment. Sections are bundled, so that candidates of all of them count, each once, and user name fragment
/// and password are the first ones. Attributes that are not known are left out (RFC 8840 §9.2).
pub(crate) fn parse(text: &str) -> Result<Trickle, FragmentError> {
    let mut trickle = Trickle::default();
    let mut mid: Option<&str> = None;
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !line.is_empty() {
            mid = read_line(&mut trickle, index + 1, line, mid)?;
        }
    }
    trickle.mid = mid.map(str::to_owned);
    let silent = trickle.candidates.is_empty() && !trickle.end_of_candidates && trickle.ufrag.is_none();
    if silent { Err(FragmentError::Empty) } else { Ok(trickle) }
}

/// Takes one line in; returns the section that the candidates belong to, as far as it is known.
fn read_line<'a>(
    trickle: &mut Trickle,
    number: usize,
    line: &'a str,
    mid: Option<&'a str>,
) -> Result<Option<&'a str>, FragmentError> {
    let (kind, value) = match line.as_bytes() {
        [kind @ b'a'..=b'z', b'=', ..] => (kind, &line[2..]),
        _ => return Err(FragmentError::NotSdp(number)),
    };
    if value.chars().any(char::is_control) {
        return Err(FragmentError::Control(number));
    }
    if *kind != b'a' {
        return Ok(mid);
    }
    let (name, argument) = value.split_once(':').unwrap_or((value, ""));
    match name {
        "mid" if trickle.candidates.is_empty() => return Ok(Some(argument)),
        "mid" => return Ok(mid.or(Some(argument))),
        "candidate" if !is_candidate(argument) => return Err(FragmentError::Candidate(number)),
        "candidate" if trickle.candidates.len() >= MOST_CANDIDATES => return Err(FragmentError::TooMany),
        "candidate" if !trickle.candidates.iter().any(|known| known == value) => {
            trickle.candidates.push(value.to_owned());
        }
        "end-of-candidates" => trickle.end_of_candidates = true,
        "ice-ufrag" if !is_ice_string(argument, 4) => return Err(FragmentError::Ufrag(number)),
        "ice-pwd" if !is_ice_string(argument, 22) => return Err(FragmentError::Pwd(number)),
        "ice-ufrag" => {
            trickle.ufrag.get_or_insert_with(|| argument.to_owned());
        }
        "ice-pwd" => {
            trickle.pwd.get_or_insert_with(|| argument.to_owned());
        }
        _ => {}
    }
    Ok(mid)
}

/// The outline of a candidate; the peer reads it closely.
fn is_candidate(argument: &str) -> bool {
    let mut words = argument.split(' ');
    let outline = words.by_ref().take(6).filter(|word| !word.is_empty()).count() == 6;
    outline && words.next() == Some("typ") && words.next().is_some_and(|kind| !kind.is_empty())
}

fn is_ice_string(text: &str, least: usize) -> bool {
    (least..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Writes the daemon's new user name fragment, password and candidates after an ICE restart.
pub(crate) fn write(shape: &Shape, local: &LocalCandidates) -> String {
    let mut lines = Vec::new();
    if shape.ice_lite {
        lines.push("a=ice-lite".to_owned());
    }
    lines.extend(shape.ice_options.iter().map(|options| format!("a=ice-options:{options}")));
    lines.extend(shape.bundle.iter().map(|group| format!("a=group:{group}")));
    let media = shape.media.as_deref().unwrap_or("video 9 UDP/TLS/RTP/SAVPF 0");
    lines.push(format!("m={media}"));
    lines.extend(shape.mid.iter().map(|mid| format!("a=mid:{mid}")));
    lines.push(format!("a=ice-ufrag:{}", local.ufrag));
    lines.push(format!("a=ice-pwd:{}", local.pwd));
    lines.extend(local.candidates.iter().map(|candidate| format!("a={candidate}")));
    if local.complete {
        lines.push("a=end-of-candidates".to_owned());
    }
    debug_assert!(lines.iter().all(|line| sdp::lines(line).count() == 1), "one line each");
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAGMENT: &str = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n\
        a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n\
        a=candidate:2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\na=end-of-candidates\r\n";

    #[test]
    fn the_drafts_example_is_understood() {
        let trickle = parse(FRAGMENT).unwrap();
        assert_eq!(trickle.ufrag.as_deref(), Some("EsAw"));
        assert_eq!(trickle.pwd.as_deref(), Some("P2uYro0UCOQ4zxjKXaWCBui1"));
        assert_eq!(trickle.mid.as_deref(), Some("0"));
        assert_eq!(
            trickle.candidates,
            [
                "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0",
                "candidate:2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active"
            ]
        );
        assert!(trickle.end_of_candidates);
    }

    #[test]
    fn a_candidate_of_two_bundled_sections_counts_once() {
        let text = "m=audio 9 X 0\na=mid:a\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\n\
                    m=video 9 X 0\na=mid:v\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\n";
        let trickle = parse(text).unwrap();
        assert_eq!(trickle.candidates.len(), 1);
        assert_eq!(trickle.mid.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        use FragmentError::*;
        let table = [
            ("", Empty),
            ("\r\n\n", Empty),
            ("m=audio 9 X 0\r\na=mid:0\r\n", Empty),
            ("hello", NotSdp(1)),
            ("a=mid:0\r\nA=x\r\n", NotSdp(2)),
            ("ä=1", NotSdp(1)),
            ("a=mid:\u{7}", Control(1)),
            ("a=candidate:", Candidate(1)),
            ("a=candidate:1 1 udp 1 192.0.2.1 5 type host", Candidate(1)),
            ("a=candidate:1 1 udp 1 192.0.2.1  5 typ host", Candidate(1)),
            ("a=candidate:1 1 udp 1 192.0.2.1 5 typ", Candidate(1)),
            ("a=ice-ufrag:abc", Ufrag(1)),
            ("a=ice-ufrag:ab c", Ufrag(1)),
            ("a=ice-pwd:tooshort", Pwd(1)),
        ];
        for (text, error) in table {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
        let line = |n: usize| format!("a=candidate:{n} 1 udp 1 192.0.2.1 5 typ host");
        let flood: Vec<String> = (0..=MOST_CANDIDATES).map(line).collect();
        assert_eq!(parse(&flood.join("\n")), Err(TooMany));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let trickle = parse("v=0\r\na=ice-pacing:50\r\na=unknown\r\na=end-of-candidates\r\n").unwrap();
        assert_eq!(trickle, Trickle { end_of_candidates: true, ..Trickle::default() });
    }

    fn ice(least: usize) -> impl Strategy<Value = String> {
        proptest::string::string_regex(&format!("[A-Za-z0-9+/]{{{least},40}}")).unwrap()
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn reading_lines_of_sdp_never_panics(text in "([amv]=(candidate:|mid:|ice-pwd:|ice-ufrag:|)[ -~]{0,40}(\r\n|\n|\r)){0,8}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read_the_same(
            ufrag in ice(4),
            pwd in ice(22),
            ports in proptest::collection::btree_set(any::<u16>(), 0..20),
            complete in any::<bool>(),
        ) {
            let candidates: Vec<_> = ports.iter().map(|port| format!("candidate:1 1 udp 7 192.0.2.1 {port} typ host")).collect();
            let local = LocalCandidates { ufrag: ufrag.clone(), pwd: pwd.clone(), candidates: candidates.clone(), complete };
            let shape = Shape { mid: Some("0".into()), bundle: Some("BUNDLE 0".into()), ..Shape::default() };
            let read = parse(&write(&shape, &local)).unwrap();
            prop_assert_eq!(
                read,
                Trickle { ufrag: Some(ufrag), pwd: Some(pwd), mid: Some("0".into()), candidates, end_of_candidates: complete }
            );
        }
    }
}
