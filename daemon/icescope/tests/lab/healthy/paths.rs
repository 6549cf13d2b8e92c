//! The paths that healthy sessions take, and what may be said of each although nothing is broken.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::verdict::PathKind;
use icescope_natlab::{Family, Filtering, Nat, Plan, Site};
use serde_json::{Value, json};

use crate::rig::{Config, stun, turn};

/// One kind of path.
pub struct Path {
    /// Its name in the table.
    pub name: &'static str,
    /// Where the browser is.
    pub browser: Plan,
    /// Where the daemon is.
    pub daemon: Plan,
    /// The daemon's configuration, from the server's address and its own site.
    pub config: fn(SocketAddr, &Site) -> Config,
    /// Settings that are forced upon the page's connections.
    pub forced: Value,
    /// What carries it.
    pub kind: PathKind,
    /// Findings beyond harmless ones that are true there.
    pub allowed: &'static [&'static str],
    /// What is different beside the network.
    pub extra: Extra,
}

/// What is different beside the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    None,
    /// The browser is Firefox.
    Firefox,
    /// The browser sends a picture, too.
    Uplink,
}

fn plain(server: SocketAddr, _: &Site) -> Config {
    Config::new().servers(&[stun(server)])
}

fn with_turn(server: SocketAddr, _: &Site) -> Config {
    Config::new().servers(&[stun(server), turn(server, "udp"), turn(server, "tcp")])
}

fn relay_at_the_daemon(server: SocketAddr, site: &Site) -> Config {
    with_turn(server, site).set("ice", "policy = \"relay\"").browser_servers(&[stun(server)])
}

/// The daemon's own relay, at its public address, which the page learns from the public URL.
fn own_relay(_: SocketAddr, site: &Site) -> Config {
    let public = site.public_address();
    Config::new()
        .set("server", format!("public-url = \"http://{public}:8085\""))
        .set("relay", "enabled = true")
        .set("relay", format!("listen = \"{public}:3478\""))
}

fn tcp(server: SocketAddr, site: &Site) -> Config {
    plain(server, site).set("ice", "tcp-port = 9000")
}

/// All of them. Each takes a site of its own for either end.
pub fn paths() -> Vec<Path> {
    let path = |name, browser: Plan, daemon: Plan| Path {
        name,
        browser,
        daemon,
        config: plain,
        forced: json!({}),
        kind: PathKind::Direct,
        allowed: &[],
        extra: Extra::None,
    };
    let relayed = |name, browser, daemon, config, forced| Path {
        config,
        forced,
        kind: PathKind::Relayed,
        ..path(name, browser, daemon)
    };
    let home = || Plan::from(Nat::eim());
    let company = || Plan::from(Nat::apdm());
    let only_relay = || json!({"iceTransportPolicy": "relay"});
    let over = |transport: &str| json!({"iceTransportPolicy": "relay", "transport": transport});
    vec![
        path("public to public", Plan::public(), Plan::public()),
        path("home to public", home(), Plan::public()),
        path("public to home", Plan::public(), home()),
        path("home to home", home(), home()),
        path("company to firewall ADF", company(), Plan::firewall(Filtering::Adf)),
        path("carrier's NAT to home", Plan::double_nat(Nat::eim(), Nat::eim()), home()),
        path("dual stack to dual stack", home().family(Family::Dual), home().family(Family::Dual)),
        path("IPv6 only to dual stack", six(), Plan::public().family(Family::Dual)),
        path("home to home, 60 ms each way", home().delay(Duration::from_millis(60)), home()),
        path("home to home, 2 % lost", home().loss(2.0), home()),
        path("home to home, 2 Mbit/s", home().rate(2_000_000), home()),
        Path { config: tcp, ..path("ICE-TCP, no UDP at the browser", no_udp(), Plan::public()) },
        Path { extra: Extra::Firefox, ..path("Firefox, home to public", home(), Plan::public()) },
        Path { extra: Extra::Uplink, ..path("uplink, home to home", home(), home()) },
        relayed("company to home, by coturn", company(), home(), with_turn, json!({})),
        relayed("coturn, UDP, browser's policy", home(), home(), with_turn, over("udp")),
        relayed("coturn, TCP, browser's policy", home(), home(), with_turn, over("tcp")),
        relayed("coturn, daemon's policy", home(), home(), relay_at_the_daemon, json!({})),
        relayed("the daemon's own relay", company(), Plan::public(), own_relay, only_relay()),
    ]
}

fn six() -> Plan {
    Plan::firewall(Filtering::Apdf).family(Family::V6)
}

fn no_udp() -> Plan {
    Plan::from(Nat::eim()).egress(icescope_natlab::Egress::UdpDropped)
}
