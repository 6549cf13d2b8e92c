//! The words of RFC 4787 and of the report.

use serde::Serialize;

/// How a NAT maps internal to external addresses (RFC 4787 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Mapping {
    /// Endpoint-independent: one external address for all destinations.
    #[serde(rename = "EIM")]
    EndpointIndependent,
    /// Address-dependent: another one for each destination address.
    #[serde(rename = "ADM")]
    AddressDependent,
    /// Address- and port-dependent: another one for each destination address and port.
    #[serde(rename = "APDM")]
    AddressAndPortDependent,
    /// It could not be told.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

/// What is let in (RFC 4787 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Filtering {
    /// Endpoint-independent: from anywhere, once something went out.
    #[serde(rename = "EIF")]
    EndpointIndependent,
    /// Address-dependent: from addresses that something was sent to.
    #[serde(rename = "ADF")]
    AddressDependent,
    /// Address- and port-dependent: from the very addresses and ports that something was sent to.
    #[serde(rename = "APDF")]
    AddressAndPortDependent,
    /// It could not be told.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

/// How external ports are chosen (RFC 4787 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// The internal port is kept.
    Preserved,
    /// One after another.
    Sequential,
    /// Without visible order.
    Random,
    /// It could not be told.
    #[default]
    Unknown,
}

/// What becomes of UDP on the way out and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Udp {
    /// Several ports work and none was found that does not.
    Open,
    /// Some ports work and others do not.
    Partial,
    /// Nothing comes back, though the servers live.
    Blocked,
    /// It could not be told.
    #[default]
    Unknown,
}

/// One field of the report: its value, why, and the tests that it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding<T> {
    /// The value.
    pub value: T,
    /// One sentence.
    pub because: String,
    /// Numbers of the tests that show it.
    pub evidence: Vec<usize>,
}

impl<T> Finding<T> {
    /// A finding.
    pub fn new(value: T, because: impl Into<String>, evidence: Vec<usize>) -> Self {
        Self { value, because: because.into(), evidence }
    }
}

impl<T: Default> Finding<T> {
    /// Not known, and why not.
    pub fn unknown(because: impl Into<String>, evidence: Vec<usize>) -> Self {
        Self::new(T::default(), because, evidence)
    }
}
