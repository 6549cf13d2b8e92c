//! The few lines of an SDP that signalling itself reads (RFC 8866, RFC 8839). All else is the peer's.

/// What signalling notes of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OfferFacts {
    /// The client takes candidates after the answer (`a=ice-options:trickle`, RFC 8840 §4.1).
    pub(crate) trickle: bool,
    /// Candidates in the offer.
    pub(crate) candidates: usize,
    /// The kinds of the media sections, in order.
    pub(crate) media: Vec<String>,
    /// The encoding names of all video sections, each once.
    pub(crate) codecs: Vec<String>,
    /// The ICE user name fragment.
    pub(crate) ufrag: Option<String>,
}

/// What later fragments of a session must repeat of its answer (WHEP -03 §ICE restarts, RFC 8840 §4.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// Value of `a=ice-options`.
    pub(crate) ice_options: Option<String>,
    /// `a=ice-lite` stands there.
    pub(crate) ice_lite: bool,
    /// Value of `a=group` with BUNDLE semantics.
    pub(crate) bundle: Option<String>,
    /// The whole first `m=` line's value.
    pub(crate) media: Option<String>,
    /// Its `a=mid`.
    pub(crate) mid: Option<String>,
}

/// The lines of an SDP or a fragment, without ends and empty ones.
pub(crate) fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).filter(|line| !line.is_empty())
}

/// Reads what signalling notes of an offer.
pub(crate) fn offer_facts(sdp: &str) -> OfferFacts {
    let mut facts = OfferFacts::default();
    for line in lines(sdp) {
        if let Some(options) = line.strip_prefix("a=ice-options:") {
            facts.trickle |= options.split(' ').any(|option| option == "trickle");
        } else if line.starts_with("a=candidate:") {
            facts.candidates += 1;
        } else if let Some(media) = line.strip_prefix("m=") {
            facts.media.push(media.split(' ').next().unwrap_or_default().to_owned());
        } else if let Some(ufrag) = line.strip_prefix("a=ice-ufrag:") {
            facts.ufrag.get_or_insert_with(|| ufrag.to_owned());
        } else if let Some(codec) =
            encoding_name(line).filter(|_| facts.media.last().is_some_and(|m| m == "video"))
            && !facts.codecs.contains(&codec)
        {
            facts.codecs.push(codec);
        }
    }
    facts
}

/// `VP8` of `a=rtpmap:96 VP8/90000`.
fn encoding_name(line: &str) -> Option<String> {
    let (_, format) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
    Some(format.split('/').next()?.to_owned())
}

/// Reads what later fragments repeat of an answer.
pub(crate) fn shape(answer: &str) -> Shape {
    let mut shape = Shape::default();
    let mut sections = 0;
    for line in lines(answer) {
        if let Some(media) = line.strip_prefix("m=") {
            sections += 1;
            shape.media.get_or_insert_with(|| media.to_owned());
        } else if line == "a=ice-lite" {
            shape.ice_lite = true;
        } else if let Some(options) = line.strip_prefix("a=ice-options:") {
            shape.ice_options.get_or_insert_with(|| options.to_owned());
        } else if let Some(group) = line.strip_prefix("a=group:").filter(|group| group.starts_with("BUNDLE"))
        {
            shape.bundle.get_or_insert_with(|| group.to_owned());
        } else if let Some(mid) = line.strip_prefix("a=mid:").filter(|_| sections == 1) {
            shape.mid.get_or_insert_with(|| mid.to_owned());
        }
    }
    shape
}

/// What the DTLS handshake is held against (RFC 8842 §5): `a=setup` and `a=fingerprint`, with the names of their attributes.
/// A browser may be given something else: what left the daemon is kept beside what arrived.
pub(crate) fn handshake(sdp: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let value = |name| {
        lines(sdp).find_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
    };
    ["setup", "fingerprint"].into_iter().filter_map(move |name| Some((name, value(name)?)))
}

/// Whether an answer has a server-reflexive candidate.
pub(crate) fn has_srflx(answer: &str) -> bool {
    lines(answer).any(|line| {
        line.starts_with("a=candidate:")
            && line.split(' ').skip_while(|word| *word != "typ").nth(1) == Some("srflx")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\na=ice-options:trickle ice2\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=ice-ufrag:ab+/\r\na=rtpmap:111 opus/48000/2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=ice-ufrag:ab+/\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
        a=rtpmap:98 VP8/90000\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n";

    #[test]
    fn facts_of_an_offer() {
        let facts = offer_facts(OFFER);
        assert!(facts.trickle);
        assert_eq!(facts.candidates, 1);
        assert_eq!(facts.media, ["audio", "video"]);
        assert_eq!(facts.codecs, ["VP8", "rtx"]);
        assert_eq!(facts.ufrag.as_deref(), Some("ab+/"));
        assert!(!offer_facts("v=0\r\na=ice-options:ice2 trickled\r\n").trickle);
    }

    #[test]
    fn shape_of_an_answer_is_that_of_its_first_section() {
        let shape = shape(OFFER);
        assert_eq!(shape.ice_options.as_deref(), Some("trickle ice2"));
        assert_eq!(shape.bundle.as_deref(), Some("BUNDLE a v"));
        assert_eq!(shape.media.as_deref(), Some("audio 9 UDP/TLS/RTP/SAVPF 111"));
        assert_eq!(shape.mid.as_deref(), Some("a"));
        assert!(!shape.ice_lite);
    }

    #[test]
    fn what_the_handshake_is_held_against() {
        let sdp =
            "v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=video 9 x 96\r\na=setup:active\r\na=setup:passive\r\n";
        assert_eq!(
            handshake(sdp).collect::<Vec<_>>(),
            [("setup", "active"), ("fingerprint", "sha-256 AA:BB")]
        );
        assert_eq!(handshake(OFFER).count(), 0);
    }

    #[test]
    fn srflx_is_the_candidate_type_and_not_any_word() {
        assert!(has_srflx("a=candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr 10.0.0.1 rport 5\n"));
        assert!(!has_srflx("a=candidate:srflx 1 udp 1 192.0.2.1 5 typ host\r\n"));
        assert!(!has_srflx("a=x:candidate typ srflx\r\n"));
    }
}
