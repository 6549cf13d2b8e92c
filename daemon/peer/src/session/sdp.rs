//! What is read from and put into session descriptions, line by line.

use icescope_model::signal::LocalCandidates;

use crate::tap::candidate::{AddressMap, rewrite_candidate};

/// The ICE credentials of a description: user name fragment and password.
pub(crate) fn credentials(sdp: &str) -> Option<(String, String)> {
    let value =
        |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
    Some((value("a=ice-ufrag:")?, value("a=ice-pwd:")?))
}

/// The candidates in one of the daemon's own descriptions, as the other side is to see them. The crate lists each for RTCP, too,
/// which has no port of its own here (RFC 8843 §9.3: bundled media share RTCP's with RTP's).
pub(crate) fn own_candidates(sdp: &str, addresses: &AddressMap) -> Vec<String> {
    let mut candidates: Vec<String> = Vec::new();
    for line in
        sdp.lines().filter_map(|line| line.strip_prefix("a=").filter(|text| text.starts_with("candidate:")))
    {
        if line.split(' ').nth(1) != Some("1") {
            continue;
        }
        candidates.extend(rewrite_candidate(line, addresses).filter(|text| !candidates.contains(text)));
    }
    candidates
}

/// A description with candidates in its first media section (all sections are bundled, RFC 9429 §5.2.1).
pub(crate) fn with_candidates(sdp: &str, local: &LocalCandidates) -> String {
    let mut text = String::with_capacity(sdp.len() + local.candidates.len() * 100);
    let put = |text: &mut String| {
        for candidate in &local.candidates {
            text.extend(["a=", candidate, "\r\n"]);
        }
        if local.complete {
            text.push_str("a=end-of-candidates\r\n");
        }
    };
    let mut sections = 0;
    for line in sdp.lines() {
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        if line.starts_with("m=") {
            sections += 1;
            if sections == 2 {
                put(&mut text);
            }
        }
        text.push_str(line);
        text.push_str("\r\n");
        if line.starts_with("t=") {
            // More may follow (RFC 8840 §4.1.1); the crate does not say so.
            text.push_str("a=ice-options:trickle\r\n");
        }
    }
    if sections == 1 {
        put(&mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_stand_in_the_first_section_once() {
        let local = LocalCandidates {
            candidates: vec!["candidate:1 x".into()],
            complete: true,
            ..LocalCandidates::default()
        };
        let sdp = "v=0\r\nt=0 0\r\nm=video 9\r\na=candidate:0 old\r\na=mid:0\r\nm=audio 0\r\n";
        let text = with_candidates(sdp, &local);
        let text = text.strip_prefix("v=0\r\nt=0 0\r\na=ice-options:trickle\r\n").unwrap();
        assert_eq!(text, "m=video 9\r\na=mid:0\r\na=candidate:1 x\r\na=end-of-candidates\r\nm=audio 0\r\n");
        let text = with_candidates("v=0\r\nm=video 9\r\n", &LocalCandidates { complete: false, ..local });
        assert_eq!(text, "v=0\r\nm=video 9\r\na=candidate:1 x\r\n");
    }

    #[test]
    fn own_candidates_are_those_for_rtp_each_once() {
        let line = |component, port| format!("a=candidate:1 {component} udp 1 192.0.2.1 {port} typ host\r\n");
        let sdp =
            format!("m=video 9\r\n{}{}{}{}", line(1, 5000), line(2, 5000), line(1, 5000), line(1, 6000));
        let candidates = own_candidates(&sdp, &AddressMap::default());
        assert_eq!(
            candidates,
            [5000, 6000].map(|port| format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host"))
        );
    }

    #[test]
    fn credentials_are_found() {
        assert_eq!(credentials("a=ice-ufrag:u\r\na=ice-pwd:p\r\n"), Some(("u".into(), "p".into())));
        assert_eq!(credentials("a=ice-ufrag:u\r\n"), None);
    }
}
