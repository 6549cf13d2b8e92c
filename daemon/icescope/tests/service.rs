//! The daemon as a service: what it tells its manager (sd_notify(3)), and what signals do.
#![allow(clippy::unwrap_used)]

mod common;

use common::service::{GOOD, PATIENCE, Service, address, get, rewrite};

#[test]
fn it_is_ready_when_it_answers_and_stops_cleanly() {
    let service = Service::start(GOOD);
    let ready = service.told("READY=1");
    assert!(get(&address(&ready), "/api/health").starts_with("HTTP/1.1 200"));
    let log = service.stop();
    assert!(log.contains("listens: open http://127.0.0.1:"), "{log}");
}

#[test]
fn a_bad_file_changes_nothing_on_reload_and_a_good_one_is_taken() {
    let service = Service::start(GOOD);
    let ready = service.told("READY=1");
    rewrite(&service.config, "[server]\nlisten = 7\n");
    service.signal("HUP");
    service.told("RELOADING=1");
    service.told("READY=1");
    let log = service.log();
    assert!(log.contains("the old one stays in force") && log.contains("server.listen"), "{log}");
    assert!(get(&address(&ready), "/api/health").starts_with("HTTP/1.1 200"));

    let plugin = "\n[[plugin]]\nname = \"gone\"\npath = \"/nowhere/gone.so\"\n";
    rewrite(&service.config, &format!("[server]\nlisten = \"127.0.0.1:1\"\n{plugin}"));
    service.signal("HUP");
    service.told("RELOADING=1");
    service.told("READY=1");
    let log = service.log();
    assert!(log.contains("server.listen has changed, but takes effect only after a restart"), "{log}");
    assert!(get(&address(&ready), "/api/plugins").contains("\"gone\""), "the new plugin is listed");
    service.stop();
}

#[test]
fn a_port_that_is_taken_ends_it_with_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut service = Service::start(&format!("[server]\nlisten = \"{address}\"\n"));
    assert_eq!(service.child.wait().unwrap().code(), Some(1));
    let log = service.log();
    assert!(log.contains(&address.to_string()) && log.contains("Address already in use"), "{log}");
}

/// Asks until the answer is as wanted. Each answer is the daemon's own word that it is not yet.
fn until(address: &str, path: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let began = std::time::Instant::now();
    loop {
        let answer = get(address, path);
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        if wanted(&body) {
            return body;
        }
        assert!(began.elapsed() < PATIENCE, "this never came; last: {body:#}");
        std::thread::yield_now();
    }
}

#[test]
fn probes_run_at_start_and_those_that_a_reload_brings_when_they_come_up() {
    let folder = tempfile::tempdir().unwrap();
    let library = common::probe_in_c(folder.path());
    let one = format!("{GOOD}{}", common::plugin("one", &library));
    let service = Service::start(&one);
    let address = address(&service.told("READY=1"));
    let ran = |probe: &serde_json::Value| {
        probe["run"]["outcome"] == "pass" && probe["reports"][0]["document"].is_object()
    };
    let first = until(&address, "/api/probes", |all| ran(&all["probes"][0]));
    let probe = &first["probes"][0];
    assert_eq!((&probe["instance"], &probe["probe"]), (&"one".into(), &"Host facts, in C".into()));
    assert_eq!(probe["run"]["trigger"], "start");
    assert_eq!(probe["run"]["steps"][0]["schema"], "org.example.host.clock/1");

    rewrite(&service.config, &format!("{one}{}", common::plugin("two", &library)));
    service.signal("HUP");
    service.told("READY=1");
    let both = until(&address, "/api/probes", |all| ran(&all["probes"][1]));
    assert_eq!(
        both["probes"][0]["past"].as_array().map(Vec::len),
        Some(1),
        "the first one had no reason to run again"
    );
    service.stop();
}
