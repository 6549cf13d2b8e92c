//! The sites of the grid: who stands where, and the servers between them.

use std::sync::Arc;

use icescope_natlab::{Behaviour, Coturn, CoturnOptions, Lab, Site, behaviours};

use crate::rig::{Config, SECRET, stun, turn};

/// Behaviours at the browser's end.
const BROWSERS: [&str; 11] = [
    "public",
    "firewall APDF",
    "EIM EIF, ports kept",
    "EIM ADF, ports kept",
    "EIM APDF, ports kept",
    "APDM APDF, random ports",
    "APDM APDF, sequential ports",
    "double NAT, EIM behind EIM",
    "UDP dropped",
    "only TCP 443",
    "IPv6 only, firewall",
];

/// Behaviours at the daemon's end.
const DAEMONS: [&str; 11] = [
    "public",
    "firewall ADF",
    "EIM EIF, random ports",
    "EIM ADF, ports kept",
    "EIM APDF, random ports",
    "ADM ADF, random ports",
    "APDM APDF, random ports",
    "double NAT, EIM behind APDM",
    "UDP rejected",
    "only TCP 443",
    "dual stack, NAT and firewall",
];

/// Those of the ordinary run: every ending is among their cells, and every reason for it.
const SOME_BROWSERS: [usize; 4] = [0, 4, 5, 8];
const SOME_DAEMONS: [usize; 3] = [0, 3, 4];

/// The daemon of one more column: public, and it listens for ICE-TCP at 443.
const ICE_TCP: &str = "public, ICE-TCP at 443";

/// One end of the grid.
pub struct End {
    /// Its name in the table.
    pub name: &'static str,
    /// What is true of it.
    pub behaviour: Behaviour,
    /// Whether the daemon listens for ICE-TCP there.
    pub ice_tcp: bool,
    /// Where it is.
    pub site: Site,
}

/// Everything but the programs of the ends.
pub struct World {
    /// One STUN and TURN server: UDP and TCP at 3478 and at 443.
    coturn: Coturn,
    /// The rows.
    pub browsers: Vec<End>,
    /// The columns.
    pub daemons: Vec<End>,
}

impl World {
    /// Makes the sites: all of them, or those of the ordinary run.
    pub fn new(lab: &Arc<Lab>, all: bool) -> Self {
        let secret = Some(SECRET.to_owned());
        let options =
            CoturnOptions { secret, more_ports: vec![443], two_addresses: false, ..CoturnOptions::default() };
        let coturn = lab.coturn(&options);
        let picked = |names: &[&'static str], some: &[usize]| -> Vec<End> {
            let wanted = names.iter().enumerate().filter(|(index, _)| all || some.contains(index));
            wanted.map(|(_, name)| End::new(lab, name, name, false)).collect()
        };
        let mut daemons = picked(&DAEMONS, &SOME_DAEMONS);
        if all {
            daemons.push(End::new(lab, ICE_TCP, "public", true));
        }
        Self { coturn: coturn.unwrap(), browsers: picked(&BROWSERS, &SOME_BROWSERS), daemons }
    }

    /// What the daemon of a column is told: STUN always; with TURN over all that a site may have left.
    pub fn config(&self, daemon: &End, with_turn: bool) -> Config {
        // One of each family, IPv4 first.
        let (v4, v6) = (self.coturn.addresses()[0], self.coturn.addresses()[1]);
        let mut servers = vec![stun(v4), stun(v6)];
        if with_turn {
            let at_443 = std::net::SocketAddr::new(v4.ip(), 443);
            servers.extend([turn(v4, "udp"), turn(at_443, "tcp"), turn(v6, "udp")]);
        }
        let config = Config::new().servers(&servers);
        if daemon.ice_tcp { config.set("ice", "tcp-port = 443") } else { config }
    }
}

impl End {
    fn new(lab: &Arc<Lab>, name: &'static str, behaviour: &str, ice_tcp: bool) -> Self {
        let found = behaviours().into_iter().find(|one| one.name == behaviour);
        let behaviour = found.unwrap_or_else(|| panic!("no behaviour is called {behaviour}"));
        let site = lab.site(behaviour.plan.clone()).unwrap();
        Self { name, behaviour, ice_tcp, site }
    }
}
