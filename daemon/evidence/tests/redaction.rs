//! What a redacted record shows and what it does not, over records of real sessions.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use icescope_diagnosis::{causes, diagnose};
use icescope_evidence::redact::{redact, redacted};
use icescope_model::api::SessionRecord;
use proptest::prelude::*;
use serde_json::{Value, json};

fn recorded() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../diagnosis/tests/evidence");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    let records: Vec<_> = paths.map(read).collect();
    assert!(records.len() >= 10, "{}", records.len());
    records
}

fn redacted_copy(document: &Value) -> Value {
    let mut copy = document.clone();
    redact(&mut copy);
    copy
}

/// All strings below a value, with the keys that they stand under.
fn strings<'a>(value: &'a Value, key: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((key, text)),
        Value::Array(list) => list.iter().for_each(|value| strings(value, key, found)),
        Value::Object(map) => map.iter().for_each(|(key, value)| strings(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What is the same on every machine.
fn is_universal(address: IpAddr) -> bool {
    address.is_loopback()
        || matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 0)
        || address.is_unspecified()
}

/// What identifies somebody, found without the code under test: by the places where the format has it.
fn identifying(document: &Value) -> BTreeSet<String> {
    let mut found = Vec::new();
    strings(document, "", &mut found);
    let mut names = BTreeSet::new();
    for (key, text) in found {
        if key == "version" {
            continue;
        }
        let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
        names.extend(address.filter(|address| !is_universal(*address)).map(|address| address.to_string()));
        if key.ends_with("sernameFragment") || key == "username" {
            names.extend(text.split(':').filter(|part| !part.is_empty()).map(str::to_owned));
        }
        if key == "realm" && text != "icescope" {
            names.insert(text.to_owned());
        }
        for word in text.split(|c: char| c.is_whitespace() || matches!(c, ':' | '/' | '(')) {
            if let Some(name) = word.strip_suffix(".local") {
                names.insert(name.to_owned());
            }
        }
        for line in text.lines() {
            for start in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 "] {
                names.extend(line.strip_prefix(start).map(str::to_owned));
            }
        }
        let key = text.split_once("/whep/sessions/").and_then(|(_, key)| key.split_once('.'));
        let secret = key.and_then(|(_, secret)| secret.split_whitespace().next());
        names.extend(secret.map(str::to_owned));
    }
    // What the daemon has hidden itself.
    names.remove("…");
    names.remove("");
    names
}

#[test]
fn no_address_and_no_name_of_a_recorded_session_is_left() {
    let mut checked = 0;
    for (name, document) in recorded() {
        let began = Instant::now();
        let shown = redacted_copy(&document).to_string();
        println!("{name}: {} kB in {} ms", shown.len() / 1_000, began.elapsed().as_millis());
        for secret in identifying(&document) {
            // A realm may be any word; where one may stand is known.
            let left =
                if secret == "test" { shown.contains("\"realm\":\"test\"") } else { shown.contains(&secret) };
            assert!(!left, "{name}: {secret} is left: …{}…", around(&shown, &secret));
            checked += 1;
        }
    }
    println!("{checked} addresses, names, fragments, fingerprints and secrets were looked for");
    assert!(checked > 200, "{checked}");
}

fn around<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or(0);
    let start = text.floor_char_boundary(at.saturating_sub(80));
    &text[start..text.floor_char_boundary(at + 80)]
}

#[test]
fn the_diagnosis_comes_to_the_same_verdict() {
    for (name, document) in recorded() {
        let of = |document: Value| {
            let record: SessionRecord = serde_json::from_value(document).unwrap();
            let end = record.events.iter().map(|event| event.time).max().unwrap_or(0);
            diagnose(&record, &record.reports, end).0
        };
        let (before, after) = (of(document.clone()), of(redacted_copy(&document)));
        let decided = |verdict: &icescope_model::verdict::Verdict| {
            let v = verdict.clone();
            let findings: Vec<_> =
                v.findings.iter().map(|found| (found.cause.clone(), found.weight)).collect();
            (v.outcome, v.cause, v.stage, v.side, v.certainty, v.path, v.evidence, v.stages, findings)
        };
        assert_eq!(decided(&before), decided(&after), "{name}");
    }
}

#[test]
fn all_but_names_stays_as_it_was() {
    /// The shape of a document: its keys, its numbers, and of its texts only that they are there.
    fn shape(value: &Value) -> Value {
        match value {
            Value::String(_) => json!("text"),
            Value::Array(list) => list.iter().map(shape).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
    for (name, mut document) in recorded() {
        let after = redacted_copy(&document);
        document["redacted"] = json!(true);
        assert_eq!(shape(&document), shape(&after), "{name}");
        let words = |document: &Value| -> Vec<String> {
            let events = document["events"].as_array().unwrap();
            events.iter().map(|event| event["kind"].to_string()).collect()
        };
        assert_eq!(words(&document), words(&after), "{name}");
    }
}

#[test]
fn ports_stay_in_texts_too() {
    let ports = |document: &Value| {
        let mut found = Vec::new();
        strings(document, "", &mut found);
        let sockets = found.iter().filter_map(|(_, text)| text.parse::<SocketAddr>().ok());
        sockets.map(|socket| socket.port()).collect::<Vec<_>>()
    };
    for (name, document) in recorded() {
        assert_eq!(ports(&document), ports(&redacted_copy(&document)), "{name}");
    }
}

#[test]
fn what_the_catalogue_advises_stays_readable() {
    for cause in causes::all() {
        let document = json!({"advice": cause.advice, "title": cause.title});
        let mut after = redacted_copy(&document);
        after.as_object_mut().unwrap().remove("redacted");
        assert_eq!(document, after, "{}", cause.id);
    }
}

/// A record of one event with these attributes, as it is shown.
fn shown(attributes: &Value) -> Value {
    redacted_copy(&json!({"events": [{"attributes": attributes}]}))["events"][0]["attributes"].take()
}

#[test]
fn a_sentence_has_the_pseudonyms_of_its_facts() {
    let shown = shown(&json!({
        "summary": "turn.corp.example.com (192.0.2.7:3478) refused LayQ on wlp2s0: not valid for name \"inner.corp.io\"",
        "url": "turn:turn.corp.example.com:3478?transport=udp",
        "remoteAddress": "192.0.2.7:3478",
        "usernameFragment": "LayQ",
        "interface": "wlp2s0",
    }));
    assert_eq!(
        shown,
        json!({
            "summary": "host1.example (240.0.0.1:3478) refused ufrag1 on wlan1: not valid for name \"host2.example\"",
            "url": "turn:host1.example:3478?transport=udp",
            "remoteAddress": "240.0.0.1:3478",
            "usernameFragment": "ufrag1",
            "interface": "wlan1",
        })
    );
}

#[test]
fn names_are_the_same_wherever_they_stand_and_in_whichever_case() {
    let shown = shown(&json!({
        "origin": "https://Robot.example.org:8443",
        "candidate": "candidate:77 1 udp 2113937151 robot.example.org 51899 typ host ufrag a+/b",
        "username": "a+/b:Zz09",
        "summary": "from a+/b by Zz09",
        "host": "robot.example.org",
        "server": "stun:coturn",
        "said": "coturn answered",
        "hidden": "192.168.7.x",
        "near": "192.168.7.20",
    }));
    assert_eq!(shown["origin"], "https://host1.example:8443");
    assert_eq!(shown["host"], "host1.example");
    assert_eq!(shown["candidate"], "candidate:1 1 udp 2113937151 host1.example 51899 typ host ufrag ufrag1");
    assert_eq!(
        (&shown["username"], &shown["summary"]),
        (&json!("ufrag1:ufrag2"), &json!("from ufrag1 by ufrag2"))
    );
    assert_eq!((&shown["server"], &shown["said"]), (&json!("stun:host2"), &json!("host2 answered")));
    assert_eq!((&shown["hidden"], &shown["near"]), (&json!("192.168.0.x"), &json!("192.168.0.1")));
}

#[test]
fn probe_reports_have_the_pseudonyms_of_the_events() {
    let after = redacted_copy(&json!({
        "events": [{"attributes": {"mappedAddress": "203.0.113.9:40000", "url": "stun:stun.corp.example.net"}}],
        "reports": [{
            "probe": "nat", "schema": "icescope.nat/1", "subject": "ipv4",
            "document": {
                "local_address": "192.168.1.20:5000", "public_address": "203.0.113.9:40000", "mapping": "EIM",
                "servers": [{"url": "stun:stun.corp.example.net", "address": "198.51.100.2:3478", "rtt_ms": 4.5}],
                "summary": "203.0.113.9 is mapped for 192.168.1.20 as stun.corp.example.net saw it",
                "certificate": {"subject": "CN=turn.corp.example.net", "names": ["turn.corp.example.net"]},
            },
        }, {"probe": "stun", "schema": "icescope.stun/1", "subject": "stun:stun.corp.example.net", "document": null}],
    }));
    let (event, report) = (&after["events"][0]["attributes"], &after["reports"][0]["document"]);
    assert_eq!(
        (&event["mappedAddress"], &event["url"]),
        (&json!("240.0.0.1:40000"), &json!("stun:host1.example"))
    );
    let summary = "240.0.0.1 is mapped for 192.168.0.1 as host1.example saw it";
    assert_eq!((&report["summary"], &report["mapping"]), (&json!(summary), &json!("EIM")));
    assert_eq!(
        report["servers"][0],
        json!({"url": "stun:host1.example", "address": "240.1.0.1:3478", "rtt_ms": 4.5})
    );
    assert_eq!(report["certificate"], json!({"subject": "CN=host2.example", "names": ["host2.example"]}));
    assert_eq!(after["reports"][1]["subject"], "stun:host1.example");
    assert_eq!(
        (&after["reports"][0]["schema"], &after["reports"][0]["probe"]),
        (&json!("icescope.nat/1"), &json!("nat"))
    );
}

#[test]
fn what_steers_the_diagnosis_stays() {
    let kept = json!({
        "kind": "signalling.session",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
        "version": "156.0.0.0",
        "sdp": "v=0\r\na=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n",
        "origin": "http://localhost:8080",
        "address": "0.0.0.0",
        "realm": "icescope",
        "software": "Coturn-4.6.1 'Gorst'",
        "message": "see icescope.toml, ice.timeouts.connect and [server]: e.g. libprobe_nat.so",
        "transactionId": "616776664876484b6d433061",
    });
    assert_eq!(shown(&kept), kept);
}

#[test]
fn keys_are_texts_too_and_what_is_redacted_stays() {
    let once = redacted_copy(&json!({"reports": [{"document": {"198.51.100.9": {"peer": "198.51.100.9"}}}]}));
    assert_eq!(once["reports"][0]["document"], json!({"240.0.0.1": {"peer": "240.0.0.1"}}));
    assert_eq!(redacted_copy(&once), once);
}

#[test]
fn a_redacted_record_is_a_record() {
    for (name, document) in recorded() {
        let record: SessionRecord = serde_json::from_value(document).unwrap();
        let shown: SessionRecord = serde_json::from_value(redacted(&record).unwrap()).unwrap();
        assert!(shown.redacted, "{name}");
        assert_eq!(shown.events.len(), record.events.len(), "{name}");
    }
}

#[test]
fn a_text_that_was_made_to_be_slow_is_gone_through_once() {
    for part in [
        "http:",
        "http://a/",
        "turn:x@",
        "cname:",
        "candidate:",
        "ice-pwd:",
        "a:",
        "::",
        "1.",
        "/sessions/x.",
        "ice-ufrag:a/b ",
        "http://h/?",
        "01:",
    ] {
        let text = part.repeat(20_000 / part.len());
        let began = Instant::now();
        let attributes = shown(&json!({"summary": text, "usernameFragment": "a/b"}));
        println!("{part:?}: {} ms", began.elapsed().as_millis());
        assert!(attributes["summary"].is_string());
    }
}

/// An address of some machine, as somebody wrote it.
fn written() -> impl Strategy<Value = (IpAddr, String)> {
    let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
    let v6 = any::<[u8; 16]>().prop_map(IpAddr::from);
    let some = prop_oneof![v4, v6].prop_filter("one of a machine", |address| !is_universal(*address));
    (some, 0_u8..4, any::<u16>()).prop_map(|(address, way, port)| {
        let text = match (way, address) {
            (0, _) => address.to_string(),
            (1, _) => SocketAddr::new(address, port).to_string(),
            (2, IpAddr::V6(v6)) => v6.segments().map(|group| format!("{group:04X}")).join(":"),
            (2, IpAddr::V4(_)) => format!("{address}.{port}"),
            (_, IpAddr::V6(_)) => format!("turn:[{address}]:{port}?transport=tcp"),
            (_, IpAddr::V4(_)) => format!("turn:{address}:{port}?transport=tcp"),
        };
        (address, text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_address_is_left_in_any_sentence(
        before in "([ -~à-ÿ«»–]{0,30}[ (\\[«\"'=,;>@])?",
        (address, written) in written(),
        after in "([ )\\]»\"',;!<][ -~à-ÿ«»–]{0,30})?",
        key in prop_oneof![Just("summary"), Just("address"), Just("message"), Just("url"), Just("username"), Just("kind")],
    ) {
        let said = format!("{before}{written}{after}");
        let shown = shown(&json!({key: said}))[key].as_str().unwrap_or_default().to_owned();
        prop_assert!(!shown.contains(&written), "{said} became {shown}");
        let address = address.to_string();
        let kept = shown.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'))).any(|part| part == address);
        prop_assert!(!kept, "{said} became {shown}");
    }
}
