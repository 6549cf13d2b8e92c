//! What real browsers tell of a session, fact by fact: the table in `web/README.md` says the same.

use icescope_model::api::SessionRecord;
use icescope_model::{Event, SeenBy};
use icescope_natlab::{CoturnOptions, Filtering, Lab, Nat, Plan, Site};
use serde_json::Value;

use crate::rig::{Attempt, BrowserEnd, Config, DaemonEnd, SECRET, Wish, in_lab, stun, table, turn};

/// Statistics after the first frame, and everything that takes an answer of a server.
const WHOLE: &str = "(() => {
  const events = window.icescope.events();
  const has = (kind) => events.some((event) => event.kind === kind);
  const late = events.filter((event) => event.kind === 'stats' && event.attributes['inbound-rtp']?.[0].framesDecoded > 10);
  return late.length > 1 && ['nat.mapping', 'page.permissions', 'media.play', 'dtls.parameters'].every(has);
})()";

/// A fact: the event's kind, the path to the value in its attributes, and whether Chromium and Firefox tell it.
type Fact = (&'static str, &'static str, bool, bool);

const FACTS: &[Fact] = &[
    ("page.secure_context", "isSecureContext", true, true),
    ("page.user_agent", "browser", true, true),
    ("page.user_agent", "version", true, true),
    ("page.browser", "version", true, false),
    ("page.network", "effectiveType", true, false),
    ("page.permissions", "camera", true, true),
    ("page.permissions", "local-network-access", true, false),
    ("page.permissions", "local-network", true, true),
    ("page.permissions", "loopback-network", true, true),
    ("pc.created", "iceServers", true, true),
    ("pc.signaling_state", "signalingState", true, true),
    ("pc.connection_state", "connectionState", true, true),
    ("ice.gathering_state", "iceGatheringState", true, true),
    ("ice.connection_state", "iceState", true, true),
    ("ice.candidate", "priority", true, true),
    ("ice.candidate", "url", true, false),
    ("ice.candidate", "relayProtocol", true, false), // Chromium's from the URL.
    ("ice.candidate_error", "errorCode", true, true),
    ("ice.candidate_error", "errorText", true, false),
    ("ice.candidate_error", "address", true, false),
    ("ice.selected_pair", "localCandidate", true, true),
    ("dtls.state", "dtlsState", true, true),
    ("dtls.parameters", "dtlsRole", true, true),
    ("dtls.parameters", "tlsVersion", true, true),
    ("dtls.parameters", "dtlsCipher", true, true),
    ("dtls.parameters", "srtpCipher", true, true),
    ("dtls.parameters", "localCertificate", true, true),
    ("dtls.parameters", "remoteCertificate", true, true),
    ("media.track", "kind", true, true),
    ("media.first_packet", "source", true, true),
    ("media.first_frame", "frameWidth", true, true),
    ("media.first_frame", "rtpTimestamp", true, true),
    ("media.play", "outcome", true, true),
    ("nat.mapping", "mapping", true, true),
    ("nat.mapping", "addresses.url", true, false),
    ("stats", "candidate-pair.state", true, true),
    ("stats", "candidate-pair.nominated", true, true),
    ("stats", "candidate-pair.requestsSent", true, false),
    ("stats", "candidate-pair.responsesReceived", true, true),
    ("stats", "candidate-pair.requestsReceived", true, false),
    ("stats", "candidate-pair.consentRequestsSent", true, false),
    ("stats", "candidate-pair.currentRoundTripTime", true, true),
    ("stats", "candidate-pair.bytesReceived", true, true),
    ("stats", "local-candidate.address", true, true),
    ("stats", "local-candidate.relayProtocol", true, true),
    ("stats", "transport.selectedCandidatePairId", true, true),
    ("stats", "transport.iceRole", true, true),
    ("stats", "codec.mimeType", true, true),
    ("stats", "inbound-rtp.framesDecoded", true, true),
    ("stats", "inbound-rtp.packetsLost", true, true),
    ("stats", "inbound-rtp.jitter", true, true),
    ("stats", "inbound-rtp.freezeCount", true, true),
    ("stats", "inbound-rtp.keyFramesDecoded", true, true),
    ("stats", "remote-outbound-rtp.packetsSent", true, true),
];

/// Whether some event of that kind tells it. `unknown` is what the page writes where it was told nothing.
fn tells(events: &[Event], kind: &str, path: &str) -> bool {
    events.iter().filter(|event| event.seen_by == SeenBy::Browser && event.kind == kind).any(|event| {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let told = |value: &Value| !value.is_null() && value != "unknown" && value != "";
        match event.attributes.get(first) {
            Some(Value::Array(entries)) if !rest.is_empty() => {
                entries.iter().any(|entry| entry.get(rest).is_some_and(told))
            }
            Some(value) => told(value),
            None => false,
        }
    })
}

fn record(lab: &std::sync::Arc<Lab>, launch: fn(&Site) -> BrowserEnd<'_>) -> SessionRecord {
    let options = CoturnOptions { secret: Some(SECRET.to_owned()), ..CoturnOptions::default() };
    let coturn = lab.coturn(&options).unwrap();
    let [one, other] = [coturn.addresses()[0], coturn.addresses()[1]];
    let home = lab.site(Nat::eim()).unwrap();
    let office = lab.site(Plan::firewall(Filtering::Apdf)).unwrap();
    let wrong = format!(
        "{{ urls = [\"turn:{other}\"], username = \"nobody\", credential-file = \"./wrong.secret\" }}"
    );
    let config = Config::new().file("wrong.secret", "wrong").servers(&[stun(one)]).browser_servers(&[
        stun(one),
        stun(other),
        turn(one, "udp"),
        wrong,
    ]);
    let daemon = DaemonEnd::start(&office, &config);
    let browser = launch(&home);
    let attempt = Attempt::open(&browser, &daemon, &Wish::default()).unwrap();
    attempt.start().unwrap();
    let whole = attempt.decided().and_then(|_| attempt.page().until(WHOLE, Wish::default().longest));
    if let Err(error) = whole {
        panic!("{error}\n{}\n{:?}", attempt.told().unwrap(), daemon.log());
    }
    attempt.told().unwrap().record
}

#[test]
fn chromium_and_firefox_tell_what_is_documented() {
    in_lab(|lab| {
        let chromium = record(lab, |site| BrowserEnd::start(site, &[]));
        let firefox = record(lab, |site| BrowserEnd::firefox(site));
        let word = |told: bool| if told { "yes" } else { "–" }.to_owned();
        let mut rows = vec![["event", "fact", "Chromium", "Firefox"].map(str::to_owned).to_vec()];
        let mut wrong = Vec::new();
        for &(kind, path, by_chromium, by_firefox) in FACTS {
            let told = (tells(&chromium.events, kind, path), tells(&firefox.events, kind, path));
            rows.push(vec![kind.to_owned(), path.to_owned(), word(told.0), word(told.1)]);
            if told != (by_chromium, by_firefox) {
                wrong.push(format!("{kind} {path}: {told:?}"));
            }
        }
        println!("{}", table(&rows));
        assert_eq!(wrong, Vec::<String>::new(), "told otherwise than documented");
    });
}
