//! The page: could it make a connection at all?

use icescope_model::verdict::{Side, Stage};

use crate::facts::Facts;
use crate::fault::Fault;

pub fn faults(facts: &Facts, found: &mut Vec<Fault>) {
    let page = &facts.page;
    if let Some((false, media_devices, at)) = page.secure {
        let summary = "The page is no secure context (http on an address): the browser has no camera or microphone for it.";
        let camera = page.errors.iter().find(|error| {
            ["mediaDevices", "getUserMedia", "secure"].iter().any(|word| error.text.contains(word))
        });
        let fault = match camera {
            Some(error) if !media_devices => Fault::fatal("A1", Stage::Page, summary).shown_by([error.at]),
            _ => Fault::harmless("A1", Stage::Page, summary),
        };
        found.push(fault.of(Side::Client).proven().shown_by([at]));
    }
    let gone = page.errors.iter().find(|error| error.text.contains("RTCPeerConnection"));
    if let Some(error) = gone.filter(|_| page.created.is_none()) {
        let summary = format!("The browser has no WebRTC for this page: {}", error.text);
        found.push(Fault::fatal("B7", Stage::Page, summary).of(Side::Client).shown_by([error.at]));
    }
}
