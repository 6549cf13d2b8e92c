//! A document against the facts of the lab, field by field.

use icescope_natlab::{Facts, Filtering, Mapping, Ports, Udp};
use serde_json::{Value, json};

/// How a field turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// As it is; or «unknown», where it cannot be known.
    Right,
    /// «unknown», where it could be known.
    Unknown,
    /// Something that is not so.
    Wrong,
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What is true; null for «cannot be known».
    pub expected: Value,
    /// What the document says.
    pub found: Value,
    /// How it turned out.
    pub judgement: Judgement,
}

/// All fields.
pub fn judge(facts: &Facts, document: &Value) -> Vec<Field> {
    let mapping = facts.mapping.map(|mapping| match mapping {
        Mapping::Eim => "EIM",
        Mapping::Adm => "ADM",
        Mapping::Apdm => "APDM",
    });
    let filtering = facts.filtering.map(|filtering| match filtering {
        Filtering::Eif => "EIF",
        Filtering::Adf => "ADF",
        Filtering::Apdf => "APDF",
    });
    let ports = facts.ports.map(|ports| match ports {
        Ports::Kept => "preserved",
        Ports::Sequential => "sequential",
        Ports::Random => "random",
    });
    let udp = match &facts.udp {
        Udp::Works => "open",
        Udp::Dropped | Udp::Rejected => "blocked",
        Udp::OnlyTo(_) => "partial",
    };
    let all = [
        ("nat", json!(facts.nat)),
        ("mapping", json!(mapping)),
        ("filtering", json!(filtering)),
        ("ports", json!(ports)),
        ("hairpin", json!(facts.hairpin)),
        ("cgnat", json!(facts.cgnat)),
        ("udp", json!(udp)),
    ];
    // Where UDP gets to some ports only, no server can be asked to answer from one that a socket may not send to: that it
    // would do so cannot be shown.
    let untold = |name| name == "filtering" && matches!(facts.udp, Udp::OnlyTo(_));
    let field = |(name, expected): (&'static str, Value)| {
        let found = document[name].clone();
        let is_unknown = found.is_null() || found == "unknown";
        let judgement = if is_unknown && (expected.is_null() || untold(name)) || found == expected {
            Judgement::Right
        } else if is_unknown {
            Judgement::Unknown
        } else {
            Judgement::Wrong
        };
        Field { name, expected, found, judgement }
    };
    all.into_iter().map(field).collect()
}
