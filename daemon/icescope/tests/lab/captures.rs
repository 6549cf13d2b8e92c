//! The joined timeline held against packet captures at both ends.
//!
//! All of the lab runs on one kernel: the captures at both hosts share a clock. An event of the daemon's wiretap is the packet
//! itself. An event of the browser's API is known to lie between a packet that it follows from and one that follows from it. So
//! for each pair of events, whatever order the record claims beyond its stated uncertainty must be the captures' order, too.

mod browsers;
mod capture;
mod clock;
mod compare;
mod events;
mod mapping;

mod packet;
mod pcapng;

use icescope_natlab::{CoturnOptions, Filtering, Nat, Plan, Ports, Site};
use serde_json::json;

use self::capture::Capture;
use self::clock::PageReadings;
use self::compare::Comparison;
use crate::rig::{Attempt, BrowserEnd, Config, DaemonEnd, SECRET, Told, Wish, in_lab, stun, turn};

/// Long enough for consent checks and statistics of the steady state.
const PLAYED: &str = "window.icescope.events().filter((event) => event.kind === 'stats').length >= 8";

/// One session between two sites, captured at both.
fn session(name: &str, browser_site: &Site, daemon_site: &Site, config: &Config, wish: &Wish) -> Comparison {
    let daemon = DaemonEnd::start(daemon_site, config);
    let browser = BrowserEnd::start(browser_site, &[]);
    let (near, far) = (Capture::start(browser_site), Capture::start(daemon_site));
    let attempt = Attempt::open(&browser, &daemon, wish).unwrap();
    attempt.start().unwrap();
    let outcome = attempt.decided().unwrap();
    assert_eq!(outcome, "connected", "{name}\n{}", daemon.log());
    attempt.page().until(PLAYED, wish.longest).unwrap();
    let readings = PageReadings::take(attempt.page());
    let told: Told = attempt.told().unwrap();
    let (near, far) = (near.finish(), far.finish());
    assert_eq!(told.record.session.events_dropped, 0, "{name}: the record is whole");
    let comparison = Comparison::new(&told.record, &near, &far);
    println!("{name}: {}", told.verdict.summary);
    print!("{comparison}");
    print!("{}", readings.against(&told.record, comparison.origin()));
    comparison
}

#[test]
fn the_record_s_order_is_the_captures_order_of_a_direct_session_through_two_nats() {
    in_lab(|lab| {
        let coturn = lab.coturn(&CoturnOptions::default()).unwrap();
        let servers = [stun(coturn.addresses()[0]), stun(coturn.addresses()[1])];
        let home = lab.site(Nat::eim().ports(Ports::Random)).unwrap();
        let office = lab.site(Nat::eim().filtering(Filtering::Adf).ports(Ports::Random)).unwrap();
        let config = Config::new().servers(&servers);
        let seen = session("direct through two NATs", &home, &office, &config, &Wish::default());
        seen.assert_right();
    });
}

#[test]
fn the_record_s_order_is_the_captures_order_of_a_session_that_the_browser_relays() {
    in_lab(|lab| {
        let options = CoturnOptions { secret: Some(SECRET.to_owned()), ..CoturnOptions::default() };
        let coturn = lab.coturn(&options).unwrap();
        let address = coturn.addresses()[0];
        let home = lab.site(Nat::apdm()).unwrap();
        let office = lab.site(Plan::firewall(Filtering::Apdf)).unwrap();
        // A second one with a wrong password: its error is an event of the page's that follows from a packet.
        let wrong = format!(
            "{{ urls = [\"turn:{}?transport=udp\"], username = \"nobody\", credential-file = \"./wrong.secret\" }}",
            coturn.addresses()[1]
        );
        let config = Config::new()
            .file("wrong.secret", "wrong")
            .servers(&[stun(address)])
            .browser_servers(&[turn(address, "udp"), wrong]);
        let wish = Wish { forced: json!({"iceTransportPolicy": "relay"}), ..Wish::default() };
        let seen = session("relayed by the browser's TURN server", &home, &office, &config, &wish);
        seen.assert_right();
    });
}

#[test]
fn the_record_s_order_is_the_captures_order_of_a_session_that_the_daemon_relays() {
    in_lab(|lab| {
        let options = CoturnOptions { secret: Some(SECRET.to_owned()), ..CoturnOptions::default() };
        let coturn = lab.coturn(&options).unwrap();
        let address = coturn.addresses()[0];
        let (home, office) = (lab.site(Nat::eim()).unwrap(), lab.site(Nat::apdm()).unwrap());
        let config = Config::new()
            .set("ice", "policy = \"relay\"")
            .servers(&[turn(address, "udp")])
            .browser_servers(&[stun(address)]);
        let seen = session("relayed by the daemon's TURN server", &home, &office, &config, &Wish::default());
        seen.assert_right();
    });
}

#[test]
fn the_record_s_order_is_the_captures_order_of_a_session_through_the_embedded_relay() {
    in_lab(|lab| {
        let home = lab.site(Nat::apdm()).unwrap();
        let office = lab.site(Plan::public()).unwrap();
        let config = Config::new()
            .set("relay", "enabled = true")
            .set("relay", format!("listen = [\"{}:3478\"]", office.local_address()));
        let wish = Wish { forced: json!({"iceTransportPolicy": "relay"}), ..Wish::default() };
        let seen = session("relayed by the daemon's embedded relay", &home, &office, &config, &wish);
        seen.assert_right();
    });
}
