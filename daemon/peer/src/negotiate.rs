//! What an offer asks for, and which of a source's formats it gets.

use std::io::Cursor;

use icescope_model::media::Format;
use icescope_model::signal::SignalError;
use rtc::sdp::description::session::SessionDescription;

use crate::media::packetiser::Codec;

/// An SDP larger than this is refused before it is parsed: browsers' offers with every codec stay below 20 KB.
const LARGEST_SDP: usize = 128 * 1024;

/// Media sections that an offer may have: more is abuse.
const MOST_SECTIONS: usize = 16;

/// The header extension that carries the time of sending: browsers estimate the bit rate of the path by it, and report it
/// (REMB). Its description is libwebrtc's own: absolute send time, 24 bits of 6.18 fixed point seconds.
pub(crate) const SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

/// One codec in an offer's video section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    /// RTP payload type.
    pub(crate) payload_type: u8,
    /// `VP8`, `H264`, as it was written.
    pub(crate) name: String,
    /// Parameters of `a=fmtp`, if any.
    pub(crate) fmtp: String,
}

impl Offered {
    fn codec(&self) -> Option<Codec> {
        [(Codec::Vp8, "VP8"), (Codec::H264, "H264")]
            .into_iter()
            .find_map(|(codec, name)| self.name.eq_ignore_ascii_case(name).then_some(codec))
    }
}

/// An offer, read.
#[derive(Debug, Clone)]
pub(crate) struct OfferFacts {
    /// The offer without its candidates: they are let in one by one, like trickled ones.
    pub(crate) sdp: String,
    /// Its candidates, without `a=`.
    pub(crate) candidates: Vec<String>,
    /// The user name fragment of the first section.
    pub(crate) ufrag: String,
    /// The media identification of the first section.
    pub(crate) mid: String,
    /// Codecs of the first video section, in its order.
    pub(crate) video: Vec<Offered>,
    /// The number that the first video section gives the send time extension, if it offers it.
    pub(crate) send_time: Option<u8>,
    /// The first video section can receive.
    pub(crate) receives: bool,
    /// The first video section can send.
    pub(crate) sends: bool,
}

fn bad(what: impl Into<String>) -> SignalError {
    SignalError::BadOffer(what.into())
}

impl OfferFacts {
    /// Reads an offer.
    pub(crate) fn read(sdp: &str) -> Result<Self, SignalError> {
        if sdp.len() > LARGEST_SDP {
            return Err(bad(format!("it is longer than {LARGEST_SDP} octets")));
        }
        let (sdp, candidates) = split_candidates(sdp);
        let parsed = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
            .map_err(|error| bad(format!("it is not SDP: {error}")))?;
        let sections = &parsed.media_descriptions;
        let first = sections.first().ok_or_else(|| bad("it has no media section"))?;
        if sections.len() > MOST_SECTIONS {
            return Err(bad(format!("it has more than {MOST_SECTIONS} media sections")));
        }
        let section = sections
            .iter()
            .find(|section| section.media_name.media == "video")
            .ok_or_else(|| bad("it has no video section; add a video transceiver or track"))?;
        let attribute =
            |name: &str| first.attribute(name).flatten().or(parsed.attribute(name).map(String::as_str));
        let needed =
            |name: &str| attribute(name).map(str::to_owned).ok_or_else(|| bad(format!("it has no a={name}")));
        for section in sections {
            if section.attribute("mid").flatten().is_none_or(str::is_empty) {
                return Err(bad("a media section has no a=mid (RFC 9429 §5.2.1 asks for it)"));
            }
        }
        needed("ice-pwd")?;
        needed("fingerprint")?;
        let (ufrag, mid) =
            (needed("ice-ufrag")?, first.attribute("mid").flatten().unwrap_or_default().to_owned());
        let formats = section.media_name.formats.iter().filter_map(|format| format.parse().ok());
        let lookup = |name: &str, payload_type: u8| {
            section.attributes.iter().find_map(|attribute| {
                let value = attribute.value.as_deref().filter(|_| attribute.key == name)?;
                let (number, rest) = value.split_once(' ')?;
                (number.parse() == Ok(payload_type)).then(|| rest.trim().to_owned())
            })
        };
        let video = formats
            .filter_map(|payload_type| {
                let map = lookup("rtpmap", payload_type)?;
                let name = map.split('/').next()?.to_owned();
                Some(Offered { payload_type, name, fmtp: lookup("fmtp", payload_type).unwrap_or_default() })
            })
            .collect();
        let has = |name: &str| section.has_attribute(name) || parsed.has_attribute(name);
        let send_time =
            section.attributes.iter().filter(|attribute| attribute.key == "extmap").find_map(|attribute| {
                let (number, uri) = attribute.value.as_deref()?.split_once(' ')?;
                // One-octet headers carry 1 to 14 (RFC 8285 §4.2).
                (uri.trim() == SEND_TIME)
                    .then(|| number.parse().ok().filter(|number| (1..=14).contains(number)))?
            });
        let (receives, sends) = (!has("sendonly") && !has("inactive"), !has("recvonly") && !has("inactive"));
        Ok(Self { sdp, candidates, ufrag, mid, video, send_time, receives, sends })
    }
}

/// Takes the candidates out of an SDP; line ends become CRLF (RFC 8866 §5 lets a reader accept LF alone).
fn split_candidates(sdp: &str) -> (String, Vec<String>) {
    let (mut rest, mut candidates) = (String::with_capacity(sdp.len() + 64), Vec::new());
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(candidate) = line.strip_prefix("a=").filter(|text| text.starts_with("candidate:")) {
            candidates.push(candidate.to_owned());
        } else if line != "a=end-of-candidates" {
            rest.push_str(line);
            rest.push_str("\r\n");
        }
    }
    (rest, candidates)
}

/// What source and offer agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// Index of the source's format.
    pub(crate) index: usize,
    pub(crate) codec: Codec,
    /// As the client offered it.
    pub(crate) offered: Offered,
}

/// Chooses the first format of the source that the offer accepts too.
pub(crate) fn choose(formats: &[Format], offered: &[Offered]) -> Result<Agreed, SignalError> {
    formats
        .iter()
        .enumerate()
        .filter_map(|(index, format)| Some((index, format, Codec::of(format)?)))
        .find_map(|(index, format, codec)| {
            let exact = offered
                .iter()
                .find(|offered| accepts(codec, &format.fmtp, offered) && same_profile(&format.fmtp, offered));
            let offered =
                exact.or_else(|| offered.iter().find(|offered| accepts(codec, &format.fmtp, offered)))?;
            Some(Agreed { index, codec, offered: offered.clone() })
        })
        .ok_or_else(|| SignalError::NoCommonFormat {
            offered: names(offered),
            available: format_names(formats),
        })
}

/// The codecs of an offer whose frames can be measured, in its order.
pub(crate) fn measurable(offered: &[Offered]) -> Result<Vec<(Codec, Offered)>, SignalError> {
    let codecs: Vec<_> =
        offered.iter().filter_map(|offered| Some((offered.codec()?, offered.clone()))).collect();
    if codecs.is_empty() {
        return Err(SignalError::NoCommonFormat {
            offered: names(offered),
            available: "VP8, H264 (to be measured)".to_owned(),
        });
    }
    Ok(codecs)
}

/// The index of the source's format that continues what was agreed.
pub(crate) fn same_format(formats: &[Format], codec: Codec, offered: &Offered) -> Option<usize> {
    formats
        .iter()
        .position(|format| Codec::of(format) == Some(codec) && accepts(codec, &format.fmtp, offered))
}

fn accepts(codec: Codec, fmtp: &str, offered: &Offered) -> bool {
    offered.codec() == Some(codec)
        && match codec {
            Codec::Vp8 => true,
            // Non-interleaved mode is what the packetiser makes (RFC 6184 §6.3); an absent parameter means single NAL mode.
            Codec::H264 => {
                parameter(&offered.fmtp, "packetization-mode") == Some("1")
                    && profiles_match(fmtp, &offered.fmtp)
            }
        }
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Whether both name the same profile (or neither does): preferred to one that is merely compatible.
fn same_profile(fmtp: &str, offered: &Offered) -> bool {
    let profile = |fmtp: &str| {
        parameter(fmtp, "profile-level-id").and_then(|id| id.get(..4)).map(str::to_ascii_lowercase)
    };
    profile(fmtp) == profile(&offered.fmtp)
}

/// Whether a decoder of the offered profile can show what the source makes: the same profile, constraint_set1 included
/// (constrained baseline differs from baseline by it). The level is not compared: browsers decode above what they declare,
/// and the level is the one part that need not be symmetric (RFC 6184 §8.2.2).
fn profiles_match(ours: &str, theirs: &str) -> bool {
    let profile = |fmtp: &str| {
        let text = parameter(fmtp, "profile-level-id").unwrap_or("42e01f");
        let id = u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 6)?;
        Some(((id >> 16) as u8, id & 0x4000 != 0))
    };
    let (Some(ours), Some(theirs)) = (profile(ours), profile(theirs)) else { return false };
    // What is constrained baseline can be decoded as baseline and as main, too (ITU-T H.264 §A.2.1, §A.2.2).
    ours == theirs || (ours == (0x42, true) && (theirs.0 == 0x42 || theirs.0 == 0x4d))
}

fn names(offered: &[Offered]) -> String {
    let mut names: Vec<String> = Vec::new();
    for codec in offered {
        let profile =
            parameter(&codec.fmtp, "profile-level-id").map_or(String::new(), |id| format!(" ({id})"));
        let name = format!("{}{profile}", codec.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "no video codec".to_owned() } else { names.join(", ") }
}

fn format_names(formats: &[Format]) -> String {
    let names: Vec<String> = formats
        .iter()
        .map(|format| {
            let name = format.mime.rsplit('/').next().unwrap_or(&format.mime);
            parameter(&format.fmtp, "profile-level-id").map_or(name.to_owned(), |id| format!("{name} ({id})"))
        })
        .collect();
    if names.is_empty() { "no format".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use icescope_model::media::Bitstream;

    use super::*;

    pub(crate) const CHROME: &str = include_str!("../tests/data/chrome-offer.sdp");

    fn format(mime: &str, fmtp: &str) -> Format {
        let bitstream = if mime.ends_with("VP8") { Bitstream::Frame } else { Bitstream::AnnexB };
        Format {
            bitstream,
            mime: mime.into(),
            fmtp: fmtp.into(),
            width: 0,
            height: 0,
            frame_rate: (0, 0),
            bit_rate: None,
        }
    }

    #[test]
    fn a_browsers_offer_is_read() {
        let facts = OfferFacts::read(CHROME).unwrap();
        assert_eq!((facts.ufrag.as_str(), facts.mid.as_str()), ("9uX3", "0"));
        assert_eq!(facts.candidates.len(), 1);
        assert!(!facts.sdp.contains("a=candidate"));
        assert_eq!((facts.send_time, facts.receives, facts.sends), (Some(2), true, false));
        assert_eq!(facts.video[0], Offered { payload_type: 96, name: "VP8".into(), fmtp: String::new() });
    }

    #[test]
    fn the_sources_order_decides() {
        let facts = OfferFacts::read(CHROME).unwrap();
        let h264 = format("video/H264", "packetization-mode=1;profile-level-id=42e01f");
        let vp8 = format("video/VP8", "");
        let agreed = choose(&[h264.clone(), vp8.clone()], &facts.video).unwrap();
        assert_eq!((agreed.index, agreed.codec), (0, Codec::H264));
        assert_eq!(
            agreed.offered.payload_type, 109,
            "mode 1 and the very profile, though a compatible one comes first"
        );
        let agreed = choose(&[vp8, h264], &facts.video).unwrap();
        assert_eq!((agreed.index, agreed.codec, agreed.offered.payload_type), (0, Codec::Vp8, 96));
    }

    #[test]
    fn packetization_mode_and_profile_must_fit() {
        let source = [format("video/H264", "profile-level-id=42e01f")];
        let offer = |fmtp: &str| [Offered { payload_type: 100, name: "H264".into(), fmtp: fmtp.into() }];
        assert!(choose(&source, &offer("profile-level-id=42e01f")).is_err(), "single NAL mode");
        assert!(choose(&source, &offer("packetization-mode=1;profile-level-id=42e01f")).is_ok());
        assert!(
            choose(&source, &offer("packetization-mode=1;profile-level-id=42001f")).is_ok(),
            "baseline shows constrained"
        );
        assert!(
            choose(&source, &offer("packetization-mode=1;profile-level-id=64001f")).is_err(),
            "high is another profile"
        );
        assert!(
            choose(&source, &offer("packetization-mode=1;profile-level-id=42e0")).is_err(),
            "not a profile"
        );
        let high = [format("video/H264", "profile-level-id=640028")];
        assert!(
            choose(&high, &offer("packetization-mode=1;profile-level-id=64001f")).is_ok(),
            "the level may differ"
        );
        assert!(choose(&high, &offer("packetization-mode=1;profile-level-id=42e01f")).is_err());
    }

    #[test]
    fn without_a_common_format_both_sides_are_named() {
        let offered = [Offered { payload_type: 45, name: "AV1".into(), fmtp: String::new() }];
        let error =
            choose(&[format("video/VP8", ""), format("video/H264", "profile-level-id=42e01f")], &offered)
                .unwrap_err();
        assert_eq!(
            error.to_string(),
            "no common video format: the offer has AV1, the source has VP8, H264 (42e01f)"
        );
    }

    #[test]
    fn an_unusable_offer_says_what_is_missing() {
        for (sdp, what) in [
            ("", "it is not SDP"),
            ("hello", "it is not SDP"),
            ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", "it has no media section"),
            (&CHROME.replace("m=video", "m=audio"), "it has no video section"),
            (&CHROME.replace("a=ice-pwd", "a=x-pwd"), "it has no a=ice-pwd"),
            (&CHROME.replace("a=mid:0", "a=x:0"), "a media section has no a=mid"),
            (&"x".repeat(LARGEST_SDP + 1), "it is longer than"),
        ] {
            let error = OfferFacts::read(sdp).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
