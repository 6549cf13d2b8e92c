//! The plugin under test.

use std::time::Duration;

use icescope_plugin_sdk::testing::{FakeHost, SeenReport};
use icescope_plugin_sdk::{IceServer, Outcome, abi};
use icescope_probe_turn::icescope_module;
use serde_json::{Value, json};

use crate::server::{PASSWORD, USER};

/// The run's own deadline in these tests: far longer than any of them takes.
pub const DEADLINE: Duration = Duration::from_mins(1);
const ID: &str = "org.icescope.probe.turn";

/// What a run came to.
pub struct Ran {
    /// The run's outcome.
    pub outcome: Option<Outcome>,
    /// Its documents.
    pub reports: Vec<SeenReport>,
    /// Everything that was told, for looking for what must not be in it.
    pub host: FakeHost,
}

/// A server with these credentials.
pub fn ice_server(url: &str, username: &str, credential: &str) -> IceServer {
    IceServer {
        url: url.to_owned(),
        username: username.to_owned(),
        credential: credential.to_owned(),
        realm: String::new(),
        expires_unix_s: None,
    }
}

/// Runs the probe on one URL with the test's usual user.
pub fn run(url: &str) -> Ran {
    run_with(vec![ice_server(url, USER, PASSWORD)], &json!({}), &json!({}))
}

/// Runs the probe on all that is granted.
pub fn run_with(servers: Vec<IceServer>, config: &Value, args: &Value) -> Ran {
    let host = FakeHost::new();
    host.grant_ice_servers(servers);
    let mut probe = host.create(icescope_module(), ID, config).expect("an instance");
    let deadline_ns = icescope_probe_kit::clock::now_ns() + DEADLINE.as_nanos() as i64;
    let outcome = probe.run(args, deadline_ns, 7).expect("a run");
    drop(probe);
    Ran { outcome, reports: host.seen(|seen| seen.reports.clone()), host }
}

impl Ran {
    /// The document of a URL. It keeps to its schema, and no secret was told anywhere.
    pub fn document(&self, url: &str) -> Value {
        let report = self.reports.iter().find(|report| report.subject == url);
        let report = report.unwrap_or_else(|| panic!("no report on {url}: {:?}", self.reports));
        assert_eq!(report.schema, "icescope.turn/1");
        check(&report.document);
        self.no_secret();
        report.document.clone()
    }

    /// The one document.
    pub fn only(&self) -> Value {
        assert_eq!(self.reports.len(), 1, "{:?}", self.reports);
        self.document(&self.reports[0].subject.clone())
    }

    fn no_secret(&self) {
        let told = self.host.seen(|seen| format!("{seen:?}"));
        assert!(told.contains("icescope.turn"), "there is something to look through");
        assert!(!told.contains(PASSWORD), "the password was told: {told}");
        assert!(!told.contains(USER), "the user name was told: {told}");
    }
}

/// The document keeps to its schema.
pub fn check(document: &Value) {
    let schema: Value =
        serde_json::from_str(include_str!("../../../abi/schemas/icescope.turn-1.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

/// The steps as `name`, or `name code`, with `!` before those that failed.
pub fn steps(document: &Value) -> Vec<String> {
    let steps = document["steps"].as_array().expect("steps");
    let name = |step: &Value| {
        let failed = if step["ok"] == true { "" } else { "!" };
        let code = step["code"].as_u64().map_or_else(String::new, |code| format!(" {code}"));
        let second = if step["allocation"] == 2 { " (2)" } else { "" };
        format!("{failed}{}{code}{second}", step["step"].as_str().expect("a name"))
    };
    steps.iter().map(name).collect()
}

/// Asserts on cause and outcome, showing the whole document if they are others.
pub fn assert_cause(document: &Value, cause: &str, outcome: &str) {
    assert_eq!(
        (document["cause"].as_str(), document["outcome"].as_str()),
        (Some(cause), Some(outcome)),
        "{document:#}"
    );
    assert!(!document["advice"].as_str().expect("text").is_empty(), "what to change");
}

/// The contract's number of the run's outcome.
pub fn failed() -> Option<Outcome> {
    Outcome::from_raw(abi::ICS_FAILED)
}
