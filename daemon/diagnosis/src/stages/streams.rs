//! TCP and TLS to a TURN server, and servers that are not used at all.

use icescope_model::verdict::{Side, Stage};

use crate::facts::Facts;
use crate::facts::servers::Stream;
use crate::fault::Fault;

pub fn faults(facts: &Facts, found: &mut Vec<Fault>) {
    let decides = facts.candidates.lack(Side::Daemon);
    for stream in &facts.servers.streams {
        if let Some(fault) = judge(stream) {
            let fault = fault.fatal_if(decides).with("server", stream.url.as_str());
            merge(found, fault.shown_by([stream.said.at]));
        }
    }
    for (url, said) in &facts.servers.skipped {
        let summary = format!("The daemon does not use {url}: {}.", said.text);
        let fault = Fault::degraded("D19", Stage::Servers, summary).of(Side::Daemon).proven();
        found.push(fault.with("server", url.as_str()).shown_by([said.at]));
    }
}

fn judge(stream: &Stream) -> Option<Fault> {
    let (url, text) = (&stream.url, &stream.said.text);
    let cause = stream.cause.as_str();
    let fault = if cause.starts_with("certificate") {
        let summary = format!("The daemon refuses the certificate of {url}: {text}.");
        Fault::fatal("D17", Stage::Servers, summary).of(Side::Server).proven()
    } else if matches!(cause, "incompatible" | "alert") && stream.tls {
        let summary = format!("{url} and the daemon share no TLS version or cipher: {text}.");
        Fault::fatal("D18", Stage::Servers, summary).of(Side::Server).proven_if(cause == "incompatible")
    } else if matches!(
        cause,
        "refused" | "timeout" | "unreachable" | "name-not-resolved" | "not-tls" | "closed"
    ) {
        let summary = format!("The daemon's connection to {url} did not come up: {text}.");
        // A host that refuses was reached: the server is not there. Silence does not tell whose it is.
        let side = if matches!(cause, "refused" | "not-tls") { Side::Server } else { Side::Unknown };
        Fault::fatal("B2", Stage::Servers, summary).of(side).proven_if(side == Side::Server)
    } else {
        return None;
    };
    Some(fault)
}

/// One fault per server and cause: each address of it tells the same.
fn merge(found: &mut Vec<Fault>, fault: Fault) {
    let known = found.iter_mut().find(|known| known.cause == fault.cause && known.summary == fault.summary);
    match known {
        Some(known) => *known = known.clone().shown_by(fault.evidence),
        None => found.push(fault),
    }
}
