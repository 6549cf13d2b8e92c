//! `/api/probes`, the probes on the live channel, and what `POST /offer` takes from their reports.

use icescope_evidence::RunRecord;
use icescope_model::api::{ApiError, ProbeStarted, Probes, ToPage};
use icescope_model::report::{Outcome, ProbeStep, Report, Trigger};
use icescope_model::{Attributes, Evidence, Lane, Level};
use icescope_server::Options;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use crate::live_page::Page;
use crate::support::{OFFER, Running, evidence_options, options, start, start_with};

const ADMIN: &str = "an-admin-token-of-some-length";

/// A server with a probe, and the end where the runs come out that are asked for.
fn with_probe(options: Options) -> (Running, Receiver<RunRecord>) {
    let server = start_with(options, evidence_options());
    let demands = server.evidence.probes().take_demands().unwrap();
    server.evidence.probes().configure(vec![("nat".into(), "probe-nat".into())]);
    (server, demands)
}

fn step(summary: &str) -> ProbeStep {
    ProbeStep {
        time: 5,
        level: Level::Info,
        schema: "icescope.stun.transaction/1".into(),
        summary: summary.into(),
        span: 0,
        parent: 1,
        outcome: None,
        from: Lane::Peer,
        to: Lane::Stun,
        evidence: Evidence::Packet,
        attributes: Attributes::new(),
    }
}

fn report() -> Report {
    Report {
        probe: "nat".into(),
        schema: "icescope.nat/1".into(),
        subject: "ipv4".into(),
        outcome: Outcome::Pass,
        unix_ms: 1,
        document: json!({
            "nat": true, "local_address": "10.0.0.2", "public_address": "192.0.2.7", "mapping": "EIM", "filtering": "APDF"
        }),
    }
}

#[tokio::test]
async fn a_run_is_begun_over_http_and_seen_there_while_it_goes_on() {
    let (server, mut demands) = with_probe(options());
    let reply = server.ask("POST", "/api/probes/nat/run").send().await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.json::<ProbeStarted>(), ProbeStarted { instance: "nat".into(), run: 1 });
    let run = demands.try_recv().unwrap();
    run.step(&step("asked"));
    let list: Probes = server.ask("GET", "/api/probes").send().await.json();
    let probe = &list.probes[0];
    assert_eq!((probe.instance.as_str(), probe.probe.as_str()), ("nat", "probe-nat"));
    assert_eq!(probe.run.as_ref().unwrap().steps[0].summary, "asked");
    let busy = server.ask("POST", "/api/probes/nat/run").send().await.refused(409, "probe-running");
    assert!(busy.message.contains("run 1"), "{}", busy.message);
    let unknown = server.ask("POST", "/api/probes/gnat/run").send().await.refused(404, "unknown-probe");
    assert!(unknown.message.contains("there are: nat"), "{}", unknown.message);
    run.finish(Outcome::Pass, vec![report()], 0);
    assert_eq!(server.ask("POST", "/api/probes/nat/run").send().await.status, 202);
}

#[tokio::test]
async fn probes_are_for_this_machine_admins_and_pages_with_a_session() {
    let (server, _demands) = with_probe(Options { admin_tokens: vec![ADMIN.into()], ..options() });
    let opened = server.open().await;
    let session = format!("{}.{}", opened.id, opened.token);
    for (method, path, granted) in [("GET", "/api/probes", 200), ("POST", "/api/probes/gnat/run", 404)] {
        let outside = || server.ask(method, path).with("forwarded", "for=203.0.113.9");
        outside().send().await.refused(401, "unauthorized");
        outside().with("authorization", "Bearer another-token").send().await.refused(401, "unauthorized");
        outside()
            .with("icescope-session", &format!("{}.wrong", opened.id))
            .send()
            .await
            .refused(401, "unauthorized");
        assert_eq!(outside().with("authorization", &format!("Bearer {ADMIN}")).send().await.status, granted);
        assert_eq!(outside().with("icescope-session", &session).send().await.status, granted);
        assert_eq!(server.ask(method, path).send().await.status, granted);
        let foreign = server.ask(method, path).with("origin", "https://evil.example");
        assert_eq!(foreign.send().await.json::<ApiError>().code, "origin-refused");
    }
}

#[tokio::test]
async fn runs_are_not_asked_for_without_end() {
    let (server, mut demands) = with_probe(options());
    let mut refused = None;
    for _ in 0..20 {
        let reply = server.ask("POST", "/api/probes/nat/run").send().await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        demands.try_recv().unwrap().finish(Outcome::Pass, Vec::new(), 0);
    }
    let refused = refused.expect("twenty in a row are too many");
    assert!(refused.field("retry-after").is_some());
    refused.refused(429, "too-fast");
}

#[tokio::test]
async fn a_page_is_told_of_probes_and_of_their_steps_as_they_come() {
    let (server, _demands) = with_probe(options());
    let opened = server.open().await;
    let mut page = Page::open(&server, &opened, 0).await;
    let run = server.evidence.probes().begin("nat", Trigger::Schedule).unwrap();
    run.step(&step("first"));
    let steps = |message| match message {
        ToPage::ProbeSteps { instance, run, first, steps } => {
            Some((instance, run, first, steps.into_iter().map(|step| step.summary).collect::<Vec<_>>()))
        }
        _ => None,
    };
    assert_eq!(page.until(steps).await, ("nat".to_owned(), 1, 0, vec!["first".to_owned()]));
    run.step(&step("second"));
    assert_eq!(page.until(steps).await, ("nat".to_owned(), 1, 1, vec!["second".to_owned()]));
    run.report(report());
    let reports = |message| match message {
        ToPage::Probes { probes } => Some(probes[0].reports.clone()).filter(|reports| !reports.is_empty()),
        _ => None,
    };
    assert_eq!(page.until(reports).await, [report()]);
}

#[tokio::test]
async fn an_offers_answer_says_what_the_newest_nat_report_knows() {
    let (server, _demands) = with_probe(options());
    let nat_info = async |server: &Running| {
        let offer = json!({ "sdp": OFFER, "type": "offer" }).to_string();
        let ask = server.ask("POST", "/offer").with("content-type", "application/json").body(offer);
        ask.send().await.json::<Value>()["nat_info"].clone()
    };
    assert_eq!(nat_info(&start()).await["public_ip"], Value::Null);
    let run = server.evidence.probes().begin("nat", Trigger::Start).unwrap();
    assert_eq!(nat_info(&server).await["public_ip"], Value::Null, "it does not wait for a run");
    run.finish(Outcome::Pass, vec![report()], 0);
    let expected = json!({
        "local_ip": "10.0.0.2", "public_ip": "192.0.2.7", "nat_type": "EIM/APDF", "nat_category": "moderate",
        "has_srflx": false
    });
    assert_eq!(nat_info(&server).await, expected);
}
