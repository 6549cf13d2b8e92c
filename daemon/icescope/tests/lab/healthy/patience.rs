//! A path that opens late: after Chromium has called ICE failed, and before the wait of RFC 8863 is over.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use icescope_model::verdict::VerdictOutcome;
use icescope_natlab::{Namespace, Plan};

use crate::rig::{self, Attempt, BrowserEnd, Config, DaemonEnd, Wish};

/// Chromium gives up after some 15 s.
const GIVES_UP_WITHIN: Duration = Duration::from_secs(30);
/// The daemon checks a silent pair every half second, and ends the session 45 s after its answer.
const COMES_UP_WITHIN: Duration = Duration::from_secs(20);

/// Everything but the way of the page, which is on loopback and a wire of its own.
const SHUT: &str = "table inet late {\n chain input {\n type filter hook input priority -10; policy accept;\n iifname \"eth0\" meta l4proto udp drop\n }\n}\n";

fn nft(namespace: &Namespace, rules: &str) {
    let mut child =
        namespace.command("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft runs");
    child.stdin.take().expect("its input").write_all(rules.as_bytes()).expect("nft reads");
    assert!(child.wait().expect("nft ends").success(), "nft did not like:\n{rules}");
}

#[test]
fn a_path_that_opens_after_the_browser_has_given_up_is_a_real_success() {
    rig::in_lab(|lab| {
        let site = || lab.site(Plan::public()).expect("a site is made");
        let (here, there) = (site(), site());
        // Both ends drop what comes in, as a firewall does whose user has not answered yet.
        for end in [&here, &there] {
            nft(end.host(), SHUT);
        }
        let daemon = DaemonEnd::start(&there, &Config::new().servers(&[]).browser_servers(&[]));
        let browser = BrowserEnd::start(&here, &[]);
        let wish = Wish { permissions: vec!["camera", "microphone"], ..Wish::default() };
        let attempt = Attempt::open(&browser, &daemon, &wish).expect("the page opens");
        attempt.start().expect("it starts");
        let given_up = "document.querySelector('#state').dataset.state === 'late'";
        let late = attempt.page().until(given_up, GIVES_UP_WITHIN);
        let told = || attempt.record().map(|record| record.session.verdict.map(|verdict| verdict.summary));
        late.unwrap_or_else(|error| panic!("Chromium calls ICE failed: {error}; {:?}", told()));
        let verdict = attempt.record().expect("a record").session.verdict.expect("a verdict");
        assert_eq!(verdict.outcome, VerdictOutcome::Pending, "{}", verdict.summary);
        for end in [&here, &there] {
            nft(end.host(), "delete table inet late\n");
        }
        let plays = "document.querySelector('#state').dataset.state === 'playing'";
        attempt.page().until(plays, COMES_UP_WITHIN).expect("the late path is used");
        let told = attempt.told().expect("a final verdict");
        assert_eq!(told.verdict.outcome, VerdictOutcome::Connected, "{}", told.verdict.summary);
        let failed = told.page.verdicts.iter().find(|verdict| verdict.outcome == "failed");
        assert!(failed.is_none(), "it was never called failed: {failed:?}");
        let at = |kind: &str, state: &str| {
            let named = |event: &&icescope_model::Event| {
                event.kind == kind && event.attributes.values().any(|value| value == state)
            };
            told.record.events.iter().find(named).map(|event| event.time as f64 / 1e6)
        };
        println!(
            "Chromium gave up at {:?} s; the daemon's handshake was done at {:?} s: {}",
            at("pc.connection_state", "failed"),
            at("dtls.state", "connected"),
            told.verdict.summary
        );
    });
}
