//! The whole plugin, driven through the contract's raw tables, against Debian's coturn: each cause is provoked and has
//! to be named, what works has to pass, and nothing may stay allocated.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

mod causes;
mod namespace;
mod path;
mod probe;
mod release;
mod server;
mod tls;
