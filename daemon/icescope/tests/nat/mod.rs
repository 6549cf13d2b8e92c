//! The laboratory's world for probe-nat: servers, the probe as a program, and what its documents are held against.

pub mod judge;
pub mod table;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use icescope_natlab::{Coturn, CoturnOptions, Lab, PlainStun, Site};
use serde_json::Value;

/// What stands on the internet of the lab. One of the servers is dead, and it is the first in the list.
pub struct World {
    coturn: Coturn,
    other: Coturn,
    plain: PlainStun,
}

impl World {
    /// Two coturns with RFC 5780, which also listen at ports that firewalls often let through, and a plain STUN server.
    pub fn new(lab: &Arc<Lab>) -> Self {
        let options = CoturnOptions { more_ports: vec![53, 443], ..CoturnOptions::default() };
        let coturn = || lab.coturn(&options).expect("a coturn starts");
        Self { coturn: coturn(), other: coturn(), plain: lab.plain_stun().expect("a STUN server starts") }
    }

    /// Their URIs.
    pub fn urls(&self) -> Vec<String> {
        let (dead_v4, dead_v6) = Lab::dead_addresses();
        let mut urls = vec![format!("stun:{dead_v4}:3478"), format!("stun:[{dead_v6}]:3478")];
        let first = |coturn: &Coturn| {
            // IPv4 addresses stand first, two of each family.
            [coturn.addresses()[0], coturn.addresses()[2]]
        };
        let all = first(&self.coturn).into_iter().chain(self.plain.addresses().iter().copied());
        urls.extend(all.chain(first(&self.other)).map(|address| format!("stun:{address}")));
        urls
    }

    /// A port of its host where nothing listens.
    pub fn closed_url(&self) -> String {
        format!("stun:{}:3999", self.plain.addresses()[0].ip())
    }

    /// The plain server alone.
    pub fn plain_url(&self) -> String {
        format!("stun:{}", self.plain.addresses()[0])
    }
}

/// The probe as a program of its own, built once.
pub fn probe() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "icescope-probe-nat", "--example", "probe_nat"])
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the probe cannot be built");
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_icescope"));
    binary.with_file_name("examples").join("probe_nat")
}

/// What one run found.
pub struct Ran {
    /// Its documents, one per family.
    pub documents: Vec<Value>,
}

impl Ran {
    /// The document of one family.
    pub fn of(&self, family: &str) -> &Value {
        self.documents.iter().find(|document| document["family"] == family).expect("a document per family")
    }

    /// How long the measurement itself took: of the slower family.
    pub fn measured(&self) -> Duration {
        let longest = self.documents.iter().filter_map(|document| document["duration_ms"].as_f64());
        Duration::from_secs_f64(longest.fold(0.0, f64::max) / 1e3)
    }
}

/// Runs the probe on the site's host.
pub fn run(program: &PathBuf, site: &Site, arguments: &[String]) -> Ran {
    let output = site.command(program).args(arguments).output().expect("the probe starts");
    assert!(output.status.success(), "the probe failed: {}", String::from_utf8_lossy(&output.stderr));
    let documents = serde_json::from_slice(&output.stdout).expect("the probe prints JSON");
    Ran { documents }
}
