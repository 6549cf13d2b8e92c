//! `nat_info` of `POST /offer`, from the newest report about the daemon's NAT (pure).

use std::net::{IpAddr, SocketAddr};

use icescope_model::api::NatInfo;
use icescope_model::report::Report;
use serde_json::Value;

/// Schema and subject of the report that is asked for.
pub(crate) const REPORT: (&str, &str) = ("icescope.nat/1", "ipv4");

/// What a report says in the words of the common demos; what it does not know is null.
pub(crate) fn of(report: Option<&Report>) -> NatInfo {
    let Some(report) = report else { return NatInfo::default() };
    let document = &report.document;
    let local_ip = address(&document["local_address"]);
    // Within this host there is no NAT to tell of.
    if local_ip.is_some_and(|ip| ip.is_loopback()) {
        return NatInfo::default();
    }
    let word = |key: &str| document[key].as_str().filter(|word| *word != "unknown");
    let nat = document["nat"].as_bool();
    let (mapping, filtering) = (word("mapping"), word("filtering"));
    NatInfo {
        local_ip: local_ip.map(|ip| ip.to_string()),
        public_ip: address(&document["public_address"]).map(|ip| ip.to_string()),
        nat_type: nat_type(nat, mapping, filtering),
        nat_category: category(nat, mapping, filtering, word("udp")).map(str::to_owned),
        has_srflx: None,
    }
}

/// With or without its port.
fn address(value: &Value) -> Option<IpAddr> {
    let text = value.as_str()?;
    text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()
}

/// In the words of RFC 4787 §4.1 and §5: mapping, then filtering.
fn nat_type(nat: Option<bool>, mapping: Option<&str>, filtering: Option<&str>) -> Option<String> {
    if !nat? {
        // Without translation there is no mapping to speak of; what filters is a firewall.
        return Some(filtering.map_or_else(|| "none".to_owned(), |filtering| format!("none/{filtering}")));
    }
    let known = mapping.is_some() || filtering.is_some();
    known.then(|| format!("{}/{}", mapping.unwrap_or("unknown"), filtering.unwrap_or("unknown")))
}

/// How hard it is to get through from outside: `open`, `moderate` (hole punching works with most), `strict` (the mapping
/// depends on the destination: a relay is needed against others of this kind), `blocked` (no UDP).
fn category(
    nat: Option<bool>,
    mapping: Option<&str>,
    filtering: Option<&str>,
    udp: Option<&str>,
) -> Option<&'static str> {
    if udp == Some("blocked") {
        return Some("blocked");
    }
    match (nat?, mapping?, filtering) {
        (_, "ADM" | "APDM", _) => Some("strict"),
        (_, "EIM", Some("EIF")) => Some("open"),
        (_, "EIM", Some("ADF" | "APDF")) => Some("moderate"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use icescope_model::report::Outcome;
    use serde_json::json;

    use super::*;

    fn info(document: Value) -> [Option<String>; 4] {
        let (schema, subject) = REPORT;
        let report = Report {
            probe: "nat".into(),
            schema: schema.into(),
            subject: subject.into(),
            outcome: Outcome::Pass,
            unix_ms: 0,
            document,
        };
        let NatInfo { local_ip, public_ip, nat_type, nat_category, has_srflx } = of(Some(&report));
        assert_eq!(has_srflx, None);
        [local_ip, public_ip, nat_type, nat_category]
    }

    fn some(words: [&str; 4]) -> [Option<String>; 4] {
        words.map(|word| (!word.is_empty()).then(|| word.to_owned()))
    }

    #[test]
    fn a_report_is_said_in_the_words_of_the_demos() {
        let report = |nat: Value, mapping: &str, filtering: &str| {
            info(json!({
                "local_address": "10.0.0.2", "public_address": "192.0.2.7:41000", "udp": "open",
                "nat": nat, "mapping": mapping, "filtering": filtering,
            }))
        };
        let ips = |kind, category| some(["10.0.0.2", "192.0.2.7", kind, category]);
        assert_eq!(report(json!(true), "EIM", "APDF"), ips("EIM/APDF", "moderate"));
        assert_eq!(report(json!(true), "EIM", "EIF"), ips("EIM/EIF", "open"));
        assert_eq!(report(json!(true), "APDM", "unknown"), ips("APDM/unknown", "strict"));
        assert_eq!(report(json!(false), "EIM", "APDF"), ips("none/APDF", "moderate"));
    }

    #[test]
    fn what_is_unknown_is_null_and_never_a_guess() {
        assert_eq!(of(None), NatInfo::default());
        assert_eq!(info(json!({})), some(["", "", "", ""]));
        let loopback = json!({ "nat": false, "local_address": "127.0.0.1", "public_address": "127.0.0.1", "filtering": "EIF" });
        assert_eq!(
            info(loopback),
            some(["", "", "", ""]),
            "a server on this very host tells nothing of a NAT"
        );
        let unknown =
            json!({ "nat": true, "mapping": "unknown", "filtering": "unknown", "local_address": "?" });
        assert_eq!(info(unknown), some(["", "", "", ""]));
        let half = json!({ "nat": true, "mapping": "EIM", "filtering": null, "public_address": null });
        assert_eq!(info(half), some(["", "", "EIM/unknown", ""]));
        assert_eq!(
            info(json!({ "nat": null, "mapping": "EIM", "udp": "blocked" })),
            some(["", "", "", "blocked"])
        );
    }
}
