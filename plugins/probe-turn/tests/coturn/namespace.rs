//! What loopback cannot show: public addresses, and packets that a firewall drops or changes. Each test runs itself once
//! more in a network namespace of its own, which ends with it.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::probe::{assert_cause, run, steps};
use crate::server::Coturn;

/// Set in the test that runs inside.
const INSIDE: &str = "ICESCOPE_TEST_NAMESPACE";
/// Addresses for documentation (RFC 5737): public by their kind, and nobody's.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const OTHER: &str = "203.0.113.2";
const PRIVATE: &str = "10.0.0.5";
/// The relay's ports, so that rules can name them.
const PORTS: &[&str] = &["--min-port", "20000", "--max-port", "20100"];

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    // Without root a user namespace gives the right to make the others.
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--fork", "--kill-child"]).stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().map(|output| output.stdout);
    id.is_ok_and(|id| id == b"0\n")
}

fn tool(program: &str, arguments: &str) {
    let output = Command::new(program).args(arguments.split(' ')).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
    assert!(output.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `body` in a namespace that has the addresses above on its loopback interface. `name` is the test's own.
fn inside(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        tool("ip", "link set lo up");
        for address in [&PUBLIC.to_string(), OTHER, PRIVATE] {
            tool("ip", &format!("address add {address}/32 dev lo"));
        }
        return body();
    }
    if !unshare().arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: {name}: this system allows no network namespaces; nothing was tested");
        let required = std::env::var("ICESCOPE_LAB").is_ok_and(|lab| lab == "require");
        let required = required || std::env::var_os("CI").is_some();
        assert!(!required, "CI has to run {name}, and network namespaces are not allowed");
        return;
    }
    let test = std::env::current_exe().unwrap();
    let output =
        unshare().arg(test).args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{told}");
    assert!(output.status.success() && told.contains("1 passed"), "inside the namespace:\n{told}");
}

#[test]
fn d8_a_private_relay_address_on_a_public_server_is_named() {
    inside("namespace::d8_a_private_relay_address_on_a_public_server_is_named", || {
        let Some(server) = Coturn::start_at(PUBLIC.into(), &["--relay-ip", PRIVATE]) else { return };
        let document = run(&server.url("udp")).only();
        assert_cause(&document, "D8", "failed");
        assert!(document["relayed_address"].as_str().unwrap().starts_with("10.0.0.5:"));
        assert!(document["server_address"].as_str().unwrap().starts_with("203.0.113.1:"));
        assert_eq!(document["released"], true);
    });
}

#[test]
fn d8_is_not_named_where_the_relay_address_is_public_too() {
    inside("namespace::d8_is_not_named_where_the_relay_address_is_public_too", || {
        let Some(server) = Coturn::start_at(PUBLIC.into(), &[]) else { return };
        let document = run(&server.url("udp")).only();
        assert_eq!(
            (&document["cause"], &document["outcome"]),
            (&json!(null), &json!("pass")),
            "{document:#}"
        );
    });
}

#[test]
fn d22_data_that_leaves_from_another_address_is_named() {
    inside("namespace::d22_data_that_leaves_from_another_address_is_named", || {
        tool("nft", "add table ip change");
        tool("nft", "add chain ip change out { type filter hook output priority raw ; }");
        tool("nft", &format!("add rule ip change out udp sport 20000-20100 notrack ip saddr set {OTHER}"));
        let Some(server) = Coturn::start_at(PUBLIC.into(), PORTS) else { return };
        let document = run(&server.url("udp")).only();
        assert_cause(&document, "D22", "failed");
        assert!(document["summary"].as_str().unwrap().contains("from 203.0.113.2"), "{document:#}");
    });
}

#[test]
fn d23_a_relay_whose_ports_are_closed_is_named() {
    inside("namespace::d23_a_relay_whose_ports_are_closed_is_named", || {
        tool("nft", "add table ip close");
        tool("nft", "add chain ip close in { type filter hook input priority 0 ; }");
        tool("nft", "add rule ip close in udp dport 20000-20100 drop");
        let Some(server) = Coturn::start_at(PUBLIC.into(), PORTS) else { return };
        let document = run(&server.url("udp")).only();
        assert_cause(&document, "D23", "failed");
        assert_eq!(document["data"]["received"], 0);
        assert!(document["summary"].as_str().unwrap().contains("D21"), "both ways were tried: {document:#}");
        assert_eq!(document["released"], true);
    });
}

#[test]
fn d23_where_only_other_relayed_addresses_get_through_it_is_said() {
    inside("namespace::d23_where_only_other_relayed_addresses_get_through_it_is_said", || {
        tool("nft", "add table ip close");
        tool("nft", "add chain ip close in { type filter hook input priority 0 ; }");
        tool("nft", "add rule ip close in udp dport 20000-20100 udp sport != 20000-20100 drop");
        let Some(server) = Coturn::start_at(PUBLIC.into(), PORTS) else { return };
        let document = run(&server.url("udp")).only();
        assert_eq!(
            (&document["cause"], &document["outcome"]),
            (&json!("D23"), &json!("pass")),
            "{document:#}"
        );
        assert_eq!(document["data"]["way"], "relay_to_relay");
        assert!(steps(&document).contains(&"allocate (2)".to_owned()), "{:?}", steps(&document));
        let failed =
            document["steps"].as_array().unwrap().iter().find(|step| step["step"] == "data").unwrap();
        assert!(
            failed["detail"].as_str().unwrap().contains("3 arrived"),
            "the other direction works: {failed}"
        );
    });
}

#[test]
fn a_relay_that_only_takes_data_is_told_from_one_with_closed_ports() {
    inside("namespace::a_relay_that_only_takes_data_is_told_from_one_with_closed_ports", || {
        tool("nft", "add table ip close");
        tool("nft", "add chain ip close in { type filter hook input priority 0 ; }");
        tool("nft", "add rule ip close in udp sport 20000-20100 udp dport != 20000-20100 drop");
        let Some(server) = Coturn::start_at(PUBLIC.into(), PORTS) else { return };
        let document = run(&server.url("udp")).only();
        let found = (&document["cause"], &document["severity"], &document["data"]["way"]);
        assert_eq!(found, (&json!(null), &json!("degrades"), &json!("relay_to_relay")), "{document:#}");
        assert!(document["summary"].as_str().unwrap().contains("nothing comes from there to this host"));
    });
}
