//! The whole plugin, driven as the host drives it.

#![allow(dead_code, reason = "not every test that shares this module uses all of it")]

use std::time::Duration;

use icescope_plugin_sdk::testing::{Driven, FakeHost, Refusal, SeenReport};
use icescope_plugin_sdk::{Outcome, abi};
use icescope_probe_stun::icescope_module;
use serde_json::{Value, json};

/// The plugin's id.
pub const ID: &str = "org.icescope.probe.stun";

/// What came of a run.
pub struct Ran {
    pub host: FakeHost,
    pub outcome: Result<Option<Outcome>, Refusal>,
}

/// An instance with this table of the configuration.
pub fn instance(host: &FakeHost, config: &Value) -> Driven {
    host.create(icescope_module(), ID, config).expect("an instance")
}

/// Runs the plugin once over these servers.
pub fn run(servers: &[&str], config: &Value) -> Ran {
    run_with(&json!({ "servers": servers }), config)
}

/// Runs the plugin once with these arguments, without a deadline.
pub fn run_with(args: &Value, config: &Value) -> Ran {
    let host = FakeHost::new();
    let outcome = instance(&host, config).run(args, 0, 77);
    Ran { host, outcome }
}

impl Ran {
    /// The outcome of a run that could be made.
    pub fn outcome(&self) -> Outcome {
        self.outcome.clone().expect("a run").expect("an outcome")
    }

    /// All reports; each document is what its schema says.
    pub fn reports(&self) -> Vec<SeenReport> {
        let reports = self.host.seen(|seen| seen.reports.clone());
        for report in &reports {
            assert_eq!((report.schema.as_str(), report.span), ("icescope.stun/1", 77));
            valid(&report.document);
            assert_eq!(report.document["url"], report.subject.as_str());
            let words = ["", "pass", "failed", "unknown", "skipped"];
            assert_eq!(report.document["outcome"], words[report.outcome as usize]);
        }
        reports
    }

    /// The document of the only server.
    pub fn document(&self) -> Value {
        let reports = self.reports();
        assert_eq!(reports.len(), 1);
        reports[0].document.clone()
    }

    /// The summaries of all events of a schema.
    pub fn events(&self, schema: &str) -> Vec<String> {
        let of = |seen: &icescope_plugin_sdk::testing::Seen| {
            seen.events
                .iter()
                .filter(|event| event.schema == schema)
                .map(|event| event.summary.clone())
                .collect()
        };
        self.host.seen(of)
    }
}

/// The document is what the schema of the contract says.
pub fn valid(document: &Value) {
    let schema = include_str!("../../../abi/schemas/icescope.stun-1.json");
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let wrong: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{document:#}");
}

/// The path of a transport in a document.
pub fn path<'a>(document: &'a Value, protocol: &str) -> &'a Value {
    let paths = document["paths"].as_array().expect("paths");
    paths
        .iter()
        .find(|path| path["protocol"] == protocol)
        .unwrap_or_else(|| panic!("no {protocol}: {document:#}"))
}

/// A deadline of the contract, from now.
pub fn deadline(after: Duration) -> i64 {
    icescope_probe_kit::clock::now_ns() + i64::try_from(after.as_nanos()).expect("a time")
}

/// `ICS_PASS` in words of the SDK, to keep the tests from the numbers.
pub const PACKET: u32 = abi::ICS_EVIDENCE_PACKET;
