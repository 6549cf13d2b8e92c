//! What the runs of `icescope probe` came to: as a table, as JSON, as an exit status.

use std::net::SocketAddr;

use icescope_model::report::{Outcome, ProbeStep, Report};
use icescope_plugin_host::{ProbeError, ProbeRun};
use serde_json::{Value, json};

use crate::table;

/// One probe's run and all that it said.
#[derive(Debug)]
pub struct Ran {
    /// The configured name.
    pub instance: String,
    /// The plugin's own name.
    pub probe: String,
    pub steps: Vec<ProbeStep>,
    /// As they were told; of a run that was cut short there are no others.
    pub reports: Vec<Report>,
    pub duration_us: i64,
    pub ended: Result<ProbeRun, ProbeError>,
}

/// Something was measured and failed.
pub const FAILED: u8 = 1;
/// Something could not be run or told, or there was nothing to run.
pub const NOT_RUN: u8 = 2;

/// 0: all that was run passed. What was skipped counts only where nothing else was done.
pub fn exit_code(all: &[Ran]) -> u8 {
    let outcomes: Vec<_> = all.iter().map(|ran| ran.ended.as_ref().ok().map(|run| run.outcome)).collect();
    let any = |outcome| outcomes.contains(&outcome);
    if any(None) || !any(Some(Outcome::Pass)) && !any(Some(Outcome::Failed)) {
        NOT_RUN
    } else if any(Some(Outcome::Failed)) {
        FAILED
    } else if any(Some(Outcome::Unknown)) {
        NOT_RUN
    } else {
        0
    }
}

/// One document with an entry for each report, and one for each run that made none or was cut short.
pub fn document(all: &[Ran]) -> Value {
    json!({ "reports": all.iter().flat_map(entries).collect::<Vec<_>>() })
}

fn entries(ran: &Ran) -> Vec<Value> {
    let reports = ran.reports();
    let subjects: Vec<&str> = reports.iter().map(|report| report.subject.as_str()).collect();
    let entry = |outcome: Outcome, result: &Value, events: Vec<&ProbeStep>| {
        json!({
            "probe": ran.probe,
            "instance": ran.instance,
            "outcome": outcome,
            "duration_ms": ran.duration_us / 1_000,
            "result": result,
            "events": events,
        })
    };
    let of_report = |report: &Report| {
        let events = ran.steps.iter().filter(|step| is_about(step, &report.subject, &subjects)).collect();
        let mut entry = entry(report.outcome, &report.document, events);
        entry["schema"] = json!(report.schema);
        entry["subject"] = json!(report.subject);
        entry
    };
    let mut entries: Vec<Value> = reports.iter().map(of_report).collect();
    if entries.is_empty() || ran.ended.is_err() {
        let mut entry = entry(ran.outcome(), &Value::Null, ran.steps.iter().collect());
        entry["message"] = json!(ran.message());
        entries.push(entry);
    }
    entries
}

/// A step that names one of the run's subjects, or an address of that family, belongs to that one alone; what names none
/// belongs to all.
fn is_about(step: &ProbeStep, subject: &str, subjects: &[&str]) -> bool {
    let word = |key: &str| step.attributes.get(key)?.as_str();
    let family = |key: &str| {
        let address: SocketAddr = word(key)?.parse().ok()?;
        Some(if address.is_ipv4() { "ipv4" } else { "ipv6" })
    };
    let named = ["subject", "family", "url"].into_iter().filter_map(word);
    let families = ["localAddress", "remoteAddress"].into_iter().filter_map(family);
    let named: Vec<&str> = named.chain(families).filter(|name| subjects.contains(name)).collect();
    named.is_empty() || named.contains(&subject)
}

/// For people.
pub fn shown(all: &[Ran]) -> String {
    table::shown(["PROBE", "ABOUT", "OUTCOME", "TIME"], all.iter().flat_map(rows).collect())
}

fn rows(ran: &Ran) -> Vec<([String; 4], Option<String>)> {
    let row = |about: &str, outcome: &str, note: Option<String>| {
        let time = format!("{:.1} s", ran.duration_us as f64 / 1e6);
        ([ran.instance.clone(), about.to_owned(), outcome.to_owned(), time], note)
    };
    let of_report = |report: &Report| {
        let summary = report.document["summary"].as_str().map(str::to_owned);
        row(&report.subject, word(report.outcome), summary)
    };
    let mut rows: Vec<_> = ran.reports().iter().map(of_report).collect();
    if rows.is_empty() || ran.ended.is_err() {
        let outcome = if ran.ended.is_ok() { word(ran.outcome()) } else { "not run" };
        rows.push(row("", outcome, ran.message()));
    }
    rows
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
        Outcome::Skipped => "skipped",
    }
}

impl Ran {
    fn reports(&self) -> &[Report] {
        self.ended.as_ref().map_or(&self.reports, |run| &run.reports)
    }

    fn outcome(&self) -> Outcome {
        self.ended.as_ref().map_or(Outcome::Unknown, |run| run.outcome)
    }

    /// Why it did not run, or what its last step with that outcome says.
    fn message(&self) -> Option<String> {
        match &self.ended {
            Err(error) => Some(error.to_string()),
            Ok(run) => {
                let told = self.steps.iter().rev().find(|step| step.outcome == Some(run.outcome));
                told.or(self.steps.last()).map(|step| step.summary.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use icescope_model::{Evidence, Lane, Level};

    use super::*;

    fn ran(outcome: Option<Outcome>, subjects: &[&str]) -> Ran {
        let report = |subject: &&str| Report {
            probe: "nat".into(),
            schema: "icescope.nat/1".into(),
            subject: (*subject).into(),
            outcome: Outcome::Pass,
            unix_ms: 0,
            document: json!({ "family": subject, "summary": format!("all is well with {subject}") }),
        };
        let reports: Vec<_> = subjects.iter().map(report).collect();
        let failed = ProbeError::Failed { name: "nat".into(), reason: "its time was over".into() };
        let run = |outcome| ProbeRun { span: 1, outcome, reports: reports.clone(), events_dropped: 0 };
        Ran {
            instance: "nat".into(),
            probe: "probe-nat".into(),
            steps: vec![step("ipv4"), step("ipv6"), step("other"), sent_from("[2001:db8::1]:5000")],
            duration_us: 1_250_000,
            ended: outcome.map(run).ok_or(failed),
            reports,
        }
    }

    fn step(family: &str) -> ProbeStep {
        ProbeStep {
            time: 1,
            level: Level::Info,
            schema: "icescope.nat.test/1".into(),
            summary: format!("a step over {family}"),
            span: 0,
            parent: 0,
            outcome: None,
            from: Lane::Peer,
            to: Lane::Stun,
            evidence: Evidence::Packet,
            attributes: [("family".to_owned(), json!(family))].into_iter().collect(),
        }
    }

    fn sent_from(address: &str) -> ProbeStep {
        let attributes = [("localAddress".to_owned(), json!(address))].into_iter().collect();
        ProbeStep { attributes, ..step(address) }
    }

    #[test]
    fn the_exit_status_tells_passed_failed_and_not_run_apart() {
        let code = |outcomes: &[Option<Outcome>]| {
            exit_code(&outcomes.iter().map(|outcome| ran(*outcome, &[])).collect::<Vec<_>>())
        };
        let (pass, failed) = (Some(Outcome::Pass), Some(Outcome::Failed));
        let (unknown, skipped) = (Some(Outcome::Unknown), Some(Outcome::Skipped));
        assert_eq!(code(&[pass, pass, skipped]), 0);
        assert_eq!(code(&[pass, failed, unknown]), 1);
        for not_run in [&[][..], &[skipped], &[pass, unknown], &[pass, failed, None]] {
            assert_eq!(code(not_run), 2, "{not_run:?}");
        }
    }

    #[test]
    fn each_report_has_its_entry_with_the_steps_that_are_about_it() {
        let document = document(&[ran(Some(Outcome::Pass), &["ipv4", "ipv6"])]);
        let reports = document["reports"].as_array().unwrap();
        assert_eq!(reports.len(), 2);
        for (entry, family) in reports.iter().zip(["ipv4", "ipv6"]) {
            assert_eq!((&entry["probe"], &entry["instance"]), (&json!("probe-nat"), &json!("nat")));
            assert_eq!((&entry["outcome"], &entry["result"]["family"]), (&json!("pass"), &json!(family)));
            let steps: Vec<_> =
                entry["events"].as_array().unwrap().iter().map(|step| step["summary"].clone()).collect();
            let mut expected = vec![format!("a step over {family}"), "a step over other".to_owned()];
            if family == "ipv6" {
                expected.push("a step over [2001:db8::1]:5000".to_owned());
            }
            assert_eq!(steps, expected);
        }
    }

    #[test]
    fn what_did_not_run_says_why_beside_what_it_had_reported() {
        let all = [ran(None, &["ipv4"])];
        let document = document(&all);
        assert_eq!(document["reports"][0]["subject"], "ipv4");
        let entry = &document["reports"][1];
        assert_eq!((&entry["result"], &entry["outcome"]), (&Value::Null, &json!("unknown")));
        assert_eq!(entry["message"], "the probe «nat» failed: its time was over");
        let expected = "\
PROBE  ABOUT  OUTCOME  TIME
nat    ipv4   pass     1.2 s
  all is well with ipv4
nat           not run  1.2 s
  the probe «nat» failed: its time was over
";
        assert_eq!(shown(&all), expected);
    }
}
