//! An uplink: the client sends the picture, so that the daemon's own counts tell what arrives.

use icescope_model::verdict::{Side, Stage};

use crate::course::{Course, MEDIA_WITHIN};
use crate::facts::Facts;
use crate::fault::Fault;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let Some(up) = course.up else { return };
    let due = course.now - up >= MEDIA_WITHIN;
    if !facts.signalling.ingest || course.lost || !due || facts.media.decoded.is_some() {
        return;
    }
    let connected = facts.dtls.connected().map(|said| said.at);
    if let Some((_, at)) = facts.media.received {
        let summary = "The client's RTP arrives, and no whole key frame has come although the daemon asks for one every 2 s: the client's encoder sends none, or its large packets are lost.";
        let fault = Fault::fatal("G3", Stage::Frames, summary).of(Side::Client);
        found.push(fault.shown_by([at]).shown_by(connected));
        return;
    }
    // By the browser's own count; a client without a page tells nothing.
    let told = facts.stats.sent.filter(|sent| sent.time - up >= MEDIA_WITHIN);
    let fault = match told {
        Some(sent) if sent.packets > 0 => {
            let summary = format!(
                "The client sent {} RTP packets, and not one came in, while DTLS and STUN pass: the packets are too large for the path, or something drops media.",
                sent.packets
            );
            Fault::fatal("G4", Stage::Rtp, summary).of(Side::Unknown)
        }
        Some(sent) => {
            let summary = format!(
                "The connection is up, and the client has sent no RTP: its encoder made {} frames.",
                sent.frames
            );
            Fault::fatal("G9", Stage::Rtp, summary).of(Side::Client)
        }
        None => {
            let summary = "The connection is up, and no RTP has come from the client.";
            Fault::fatal("G9", Stage::Rtp, summary).of(Side::Client)
        }
    };
    found.push(fault.shown_by(connected).shown_by(told.map(|sent| sent.at)));
}
