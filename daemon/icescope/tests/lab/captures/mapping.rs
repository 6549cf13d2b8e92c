//! The mapping of the browser's NAT, as its page finds it out, against NATs whose mapping is known.

use std::time::Duration;

use icescope_natlab::{CoturnOptions, Filtering, Lab, Nat, Plan, Ports, Site};
use serde_json::Value;

use crate::rig::{Attempt, BrowserEnd, Config, DaemonEnd, Wish, in_lab, stun, table};

const FOUND: &str = "window.icescope.events().find((event) => event.kind === 'nat.mapping')?.attributes";
/// The test begins 400 ms after Start at the latest, and servers that answer do so at once.
const WITHIN: Duration = Duration::from_secs(20);

/// Sites, and the mapping that is true of them.
fn known() -> Vec<(&'static str, Plan, &'static str)> {
    vec![
        ("public", Plan::public(), "EIM"),
        ("firewall", Plan::firewall(Filtering::Apdf), "EIM"),
        ("EIM, ports kept", Nat::eim().into(), "EIM"),
        ("EIM, random ports", Nat::eim().ports(Ports::Random).into(), "EIM"),
        ("ADM", Nat::adm().into(), "ADM"),
        ("APDM, random ports", Nat::apdm().into(), "APDM"),
        ("APDM, sequential ports", Nat::apdm().ports(Ports::Sequential).into(), "APDM"),
        ("EIM behind APDM", Plan::double_nat(Nat::apdm(), Nat::eim()), "APDM"),
    ]
}

/// Has a browser at each site tell its mapping, with these servers, and holds it against the truth.
fn compare(lab: &std::sync::Arc<Lab>, launch: fn(&Site) -> BrowserEnd<'_>) {
    let coturn = lab.coturn(&CoturnOptions::default()).unwrap();
    let addresses = coturn.addresses();
    let second_port = std::net::SocketAddr::new(addresses[0].ip(), addresses[0].port() + 1);
    let office = lab.site(Plan::public()).unwrap();
    let both = [stun(addresses[0]), stun(addresses[1])];
    let all = [&both[..], &[stun(second_port)]].concat();
    let (two, three) = (Config::new().browser_servers(&both), Config::new().browser_servers(&all));
    let daemon = DaemonEnd::start(&office, &two);
    let mut rows = vec![
        ["site", "truth", "two servers", "and a second port", "addresses seen"].map(str::to_owned).to_vec(),
    ];
    let mut wrong = Vec::new();
    for (name, plan, truth) in known() {
        let site = lab.site(plan).unwrap();
        let browser = launch(&site);
        let mut row = vec![name.to_owned(), truth.to_owned()];
        let mut seen = Vec::new();
        // Two servers with one port each cannot tell ADM from APDM.
        let dependent = if truth == "EIM" { "EIM" } else { "ADM or APDM" };
        for (config, wanted) in [(&two, dependent), (&three, truth)] {
            daemon.reload(config);
            let found = found(&browser, &daemon);
            let mapping = found["mapping"].as_str().unwrap_or_default();
            if mapping != wanted || found["certainty"] != "proven" || found["family"] != "ipv4" {
                wrong.push(format!("{name}: {found}, where {wanted} is right"));
            }
            row.push(mapping.to_owned());
            seen.push(found["addresses"].as_array().map_or(0, Vec::len).to_string());
        }
        row.push(seen.join(", "));
        rows.push(row);
    }
    println!("{}", table(&rows));
    assert_eq!(wrong, Vec::<String>::new());
}

fn found(browser: &BrowserEnd<'_>, daemon: &DaemonEnd<'_>) -> Value {
    let attempt = Attempt::open(browser, daemon, &Wish::default()).unwrap();
    attempt.start().unwrap();
    let found = attempt.page().until(FOUND, WITHIN);
    found.unwrap_or_else(|error| panic!("{error}\n{:?}", attempt.page().errors()))
}

#[test]
fn chromium_tells_the_mapping_of_nats_that_are_known() {
    in_lab(|lab| compare(lab, |site| BrowserEnd::start(site, &[])));
}

#[test]
fn firefox_tells_the_mapping_of_nats_that_are_known() {
    in_lab(|lab| compare(lab, |site| BrowserEnd::firefox(site)));
}
