//! The daemon at one site of a lab, a browser at another, and what both say of an attempt between them.
//!
//! ```ignore
//! #[test]
//! fn a_wrong_turn_password_is_named() {
//!     rig::in_lab(|lab| {
//!         let (home, office) = (lab.site(Nat::eim()).unwrap(), lab.site(Nat::apdm()).unwrap());
//!         let config = Config::new().set("ice", "servers = [{ urls = \"stun:192.0.2.9\" }]").file("turn.secret", "no");
//!         let daemon = DaemonEnd::start(&office, &config);
//!         let browser = BrowserEnd::start(&home, &[]);
//!         let told = rig::attempt(&browser, &daemon, &Wish::default()).unwrap();
//!         assert_eq!(told.verdict.cause.as_deref(), Some("D2"), "{told}");
//!     });
//! }
//! ```
//!
//! - [`in_lab`] hands a lab to the test, or says why it does not run. Sites come from it ([`Lab::site`]).
//! - [`DaemonEnd`] is the daemon, in the debug build, on a site's host. It listens on that host's loopback; its configuration is
//!   a [`Config`]. A site may hold one daemon.
//! - [`BrowserEnd`] is one Chromium (or Firefox) on a site's host. Pages of one browser may be used from several threads.
//! - Signalling takes a tunnel from loopback to loopback ([`icescope_natlab::Tunnel`]), as with `ssh -L`: the page is a secure
//!   context, and ICE cannot go that way.
//! - [`attempt`] does one attempt from page to final verdict. For steps in between (a server killed while it plays) use
//!   [`Attempt`]: `open`, `start`, `decided`, `settled`, `told`; and `page()` for everything else in the page.
//! - [`pool`] runs many of them at a time and keeps their order; [`table()`] prints what came out.
//!
//! Waiting is always for an event: a condition in the page, a line in the daemon's log. Limits only end what hangs.

#![allow(dead_code, reason = "each of the binaries uses its part")]

mod attempt;
mod browser;
mod config;
mod daemon;
mod http;
mod pool;
mod table;
mod until;

use std::sync::Arc;

use icescope_natlab::{Lab, with_lab};

#[allow(unused_imports, reason = "each test file uses its part")]
pub use self::{
    attempt::{Attempt, Seen, Shown, Told, Wish, attempt},
    browser::{BrowserEnd, Page},
    config::{Config, SECRET, stun, turn},
    daemon::DaemonEnd,
    pool::pool,
    table::table,
    until::until,
};

/// Set where these tests are to run: `some`, or `all`. `cargo xtask test` does it once Node.js, its packages and the page are there.
const WANTED: &str = "ICESCOPE_LAB_BROWSER";

/// Whether all is to be done that there is, instead of a selection for every day.
pub fn is_all() -> bool {
    std::env::var_os(WANTED).is_some_and(|value| value == "all")
}

/// Runs the body of a test with a lab, or says loudly that it does not.
pub fn in_lab(body: impl FnOnce(&Arc<Lab>)) {
    if std::env::var_os(WANTED).is_none() {
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!(
            "SKIPPED: {name} needs a browser in the lab; `cargo xtask test --only lab` runs it ({WANTED}=1)"
        );
        return;
    }
    with_lab(body);
}
