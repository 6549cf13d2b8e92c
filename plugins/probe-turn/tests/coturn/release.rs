//! Nothing stays allocated: not at the end, not at a cancellation, not at the deadline.

use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use icescope_plugin_sdk::abi;
use icescope_plugin_sdk::testing::FakeHost;
use icescope_probe_turn::icescope_module;
use serde_json::json;

use crate::probe::{ice_server, run, run_with};
use crate::server::{Coturn, PASSWORD, USER};

const LIMIT: Duration = Duration::from_secs(20);

/// An allocation that somebody else holds: a run of the probe that is busy measuring throughput until it is dropped.
pub struct Held {
    host: FakeHost,
    run: Option<JoinHandle<i32>>,
}

impl Held {
    pub fn take(server: &Coturn) -> Self {
        let host = FakeHost::new();
        host.grant_ice_servers(vec![ice_server(&server.url("udp"), USER, PASSWORD)]);
        let (begun, begins) = mpsc::channel();
        let run = std::thread::spawn({
            let host = host.clone();
            move || {
                let config = json!({ "throughput-time": 30.0 });
                let mut probe = host.create(icescope_module(), "org.icescope.probe.turn", &config).unwrap();
                begun.send(()).unwrap();
                probe.run(&json!({ "throughput": true }), 0, 1).map_or_else(|refusal| refusal.status, |_| 0)
            }
        });
        begins.recv().unwrap();
        let holds = host.wait(LIMIT, |seen| {
            let data = seen.events.iter().find(|event| event.schema == "icescope.turn.data/1");
            data.map(drop)
        });
        holds.expect("it holds an allocation");
        Self { host, run: Some(run) }
    }

    /// Cancels it and says what it ended with.
    pub fn cancel(mut self) -> (i32, FakeHost) {
        self.host.cancel();
        let status = self.run.take().expect("it runs").join().unwrap();
        (status, self.host.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            self.host.cancel();
            let _ = run.join();
        }
    }
}

#[test]
fn after_a_run_the_one_allocation_of_the_quota_is_free_again() {
    let Some(server) = Coturn::start(&["--user-quota", "1"]) else { return };
    for _ in 0..3 {
        let document = run(&server.url("udp")).only();
        assert_eq!(
            (&document["outcome"], &document["released"]),
            (&json!("pass"), &json!(true)),
            "{document:#}"
        );
        server.until_all_are_deleted();
    }
}

#[test]
fn a_cancelled_run_gives_its_allocation_back_and_reports_what_it_knows() {
    let Some(server) = Coturn::start(&["--user-quota", "1"]) else { return };
    let (status, host) = Held::take(&server).cancel();
    assert_eq!(status, abi::ICS_E_CANCELLED);
    let document = host.seen(|seen| seen.reports[0].document.clone());
    crate::probe::check(&document);
    assert_eq!(
        (&document["outcome"], &document["released"]),
        (&json!("unknown"), &json!(true)),
        "{document:#}"
    );
    server.until_all_are_deleted();
    let next = run(&server.url("udp")).only();
    assert_eq!(next["outcome"], "pass", "{next:#}");
}

#[test]
fn a_run_at_its_deadline_gives_its_allocation_back() {
    let Some(server) = Coturn::start(&["--user-quota", "1"]) else { return };
    let host = FakeHost::new();
    host.grant_ice_servers(vec![ice_server(&server.url("udp"), USER, PASSWORD)]);
    let config = json!({ "throughput-time": 30.0 });
    let mut probe = host.create(icescope_module(), "org.icescope.probe.turn", &config).unwrap();
    let deadline = icescope_probe_kit::clock::now_ns() + 4_000_000_000;
    probe.run(&json!({ "throughput": true }), deadline, 1).unwrap();
    assert!(icescope_probe_kit::clock::now_ns() < deadline, "it kept to its deadline");
    let document = host.seen(|seen| seen.reports[0].document.clone());
    assert_eq!(
        (&document["outcome"], &document["released"]),
        (&json!("unknown"), &json!(true)),
        "{document:#}"
    );
    server.until_all_are_deleted();
    let next = run(&server.url("udp")).only();
    assert_eq!(next["outcome"], "pass", "{next:#}");
}

#[test]
fn urls_that_share_a_quota_of_one_take_turns_and_all_pass() {
    let Some(server) = Coturn::start(&["--user-quota", "1"]) else { return };
    let urls = [server.url("udp"), server.url("tcp")];
    let servers = urls.iter().map(|url| ice_server(url, USER, PASSWORD)).collect();
    let ran = run_with(servers, &json!({}), &json!({}));
    for url in urls {
        let document = ran.document(&url);
        assert_eq!(
            (&document["outcome"], &document["cause"]),
            (&json!("pass"), &json!(null)),
            "{document:#}"
        );
    }
}

#[test]
fn a_run_that_waits_for_a_silent_server_ends_at_its_cancellation_and_knows_nothing() {
    let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let host = FakeHost::new();
    let url = format!("turn:{}?transport=udp", silent.local_addr().unwrap());
    host.grant_ice_servers(vec![ice_server(&url, USER, PASSWORD)]);
    let run = std::thread::spawn({
        let host = host.clone();
        move || {
            let mut probe =
                host.create(icescope_module(), "org.icescope.probe.turn", &json!({ "timeout": 40 })).unwrap();
            probe.run(&json!({}), 0, 1).map_or_else(|refusal| refusal.status, |_| 0)
        }
    });
    silent.recv_from(&mut [0; 512]).expect("the first Allocate");
    let before = icescope_probe_kit::clock::now_ns();
    host.cancel();
    assert_eq!(run.join().unwrap(), abi::ICS_E_CANCELLED);
    println!("ended {} ms after", (icescope_probe_kit::clock::now_ns() - before) / 1_000_000);
    let document = host.seen(|seen| seen.reports[0].document.clone());
    crate::probe::check(&document);
    let found = (&document["outcome"], &document["cause"], &document["released"]);
    assert_eq!(found, (&json!("unknown"), &json!(null), &json!(null)), "{document:#}");
}
