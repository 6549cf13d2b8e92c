//! Hosts behind real NATs, in network namespaces. Tests only.
//!
//! A [`Lab`] is an internet with addresses for documentation; a [`Site`] is a host on it, behind whatever its [`Plan`] says: the
//! kernel's own NAT and firewall, by nftables. [`behaviours`] is the catalogue of kinds with the facts that are true of each.
//! Everything is held by open files of this process alone: it vanishes however the process ends.
//!
//! ```no_run
//! # use icescope_natlab::{Filtering, Nat, Ports, with_lab};
//! with_lab(|lab| {
//!     let coturn = lab.coturn(&Default::default()).unwrap();
//!     let site = lab.site(Nat::eim().filtering(Filtering::Adf).ports(Ports::Random)).unwrap();
//!     let said = site.command("icescope").args(["probe", "nat"]).output().unwrap();
//! });
//! ```
#![forbid(unsafe_code)]

mod addresses;
mod behaviours;
mod build;
mod delay_line;
mod error;
mod harness;
mod lab;
mod namespace;
mod neighbour;
mod plan;
mod process;
mod rules;
mod servers;
mod site;
mod tunnel;

pub use behaviours::{Behaviour, Facts, Tcp, Udp, behaviours};
pub use error::{Error, Result};
pub use harness::{ENVIRONMENT, with_lab};
pub use lab::Lab;
pub use namespace::Namespace;
pub use plan::{Edge, Egress, Family, Filtering, Mapping, Nat, Plan, Ports};
pub use process::Process;
pub use servers::{Coturn, CoturnOptions, PlainStun};
pub use site::{Addresses, Site};
pub use tunnel::Tunnel;
