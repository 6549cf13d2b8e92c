//! RTP and frames: does what was connected for arrive?

use icescope_model::verdict::{Side, Stage};

use crate::course::{Course, MEDIA_WITHIN};
use crate::facts::Facts;
use crate::facts::stats::Video;
use crate::fault::Fault;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let Some(up) = course.up else { return };
    if let Some(at) = facts.media.not_allowed {
        let summary =
            "The browser does not let the picture play by itself (NotAllowedError): it wants a click first.";
        found.push(Fault::harmless("G6", Stage::Frames, summary).of(Side::Client).proven().shown_by([at]));
    }
    // What the browser receives is known by its own word only; an uplink goes the other way.
    let due = course.now - up >= MEDIA_WITHIN;
    if facts.signalling.ingest || course.lost || !due || facts.media.decoded.is_some() {
        return;
    }
    // Browsers list a stream from its first packet on: none in statistics that are new enough means that none came.
    let told = facts.stats.seen.filter(|_| facts.stats.time - up >= MEDIA_WITHIN);
    match (facts.stats.video, told) {
        (Some(video), _) if video.frames_decoded > 0 => {}
        (Some(video), _) if video.packets_received > 0 => undecoded(facts, video, found),
        (_, Some(at)) => none_arrived(facts, at, found),
        (_, None) => silent_source(facts, found),
    }
}

fn silent_source(facts: &Facts, found: &mut Vec<Fault>) {
    if facts.media.sent.is_none()
        && facts.media.first_frame_sent.is_none()
        && let (true, Some(said)) = (facts.page.seen, facts.dtls.connected())
    {
        let summary = "The connection is up, and the daemon has sent no RTP: its source gives no frames.";
        found.push(
            Fault::fatal("A7", Stage::Rtp, summary)
                .of(Side::Daemon)
                .with("message", "no frames")
                .shown_by([said.at]),
        );
    }
}

fn none_arrived(facts: &Facts, told: u64, found: &mut Vec<Fault>) {
    if facts.media.arrived.is_some() {
        return;
    }
    let sent = facts.media.sent.map(|(_, at)| at).or(facts.media.first_frame_sent);
    let Some(at) = sent else {
        silent_source(facts, found);
        return;
    };
    let summary = "The daemon sends RTP, and not one packet reached the browser, while DTLS and STUN pass: the packets are too large for the path, or something drops media.";
    let fault = Fault::fatal("G4", Stage::Rtp, summary).of(Side::Unknown);
    found.push(fault.shown_by([at, told]));
}

fn undecoded(facts: &Facts, video: Video, found: &mut Vec<Fault>) {
    let fault = if video.null_decoder {
        let summary = "The browser chose a decoder that decodes nothing (NullVideoDecoder): it has none for this format.";
        Fault::fatal("G7", Stage::Frames, summary).of(Side::Client).proven()
    } else if video.pli_count > 1 && facts.media.key_frames_requested == 0 {
        // The browser's own RTCP is the only way that these come.
        let summary = format!(
            "The browser asked {} times for a key frame (PLI), and none of these requests reached the daemon: without one it decodes nothing.",
            video.pli_count
        );
        Fault::fatal("G3", Stage::Frames, summary).of(Side::Unknown).proven()
    } else if video.pli_count > 0 && video.key_frames_decoded == 0 && video.packets_lost > 0 {
        let summary = format!(
            "The browser asked {} times for a key frame and got none whole: {} of its packets are missing.",
            video.pli_count, video.packets_lost
        );
        Fault::fatal("G3", Stage::Frames, summary).of(Side::Unknown)
    } else if video.frames_received > 0 {
        let summary = format!(
            "{} frames arrived and none was decoded: the stream is not what the answer promised.",
            video.frames_received
        );
        Fault::fatal("G2", Stage::Frames, summary).of(Side::Daemon)
    } else if video.pli_count > 0 {
        let summary = format!(
            "RTP arrives, no frame is whole, and the browser asked {} times for a key frame: the source sends none.",
            video.pli_count
        );
        Fault::fatal("G3", Stage::Frames, summary).of(Side::Daemon)
    } else if video.packets_lost > 0 {
        let summary = format!(
            "{} packets arrived and {} are missing, and no frame is whole: the large ones are lost on the way.",
            video.packets_received, video.packets_lost
        );
        Fault::fatal("G4", Stage::Rtp, summary).of(Side::Unknown)
    } else {
        return;
    };
    found.push(fault.shown_by([video.at]));
}
