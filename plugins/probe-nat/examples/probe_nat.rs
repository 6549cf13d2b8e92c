//! Runs the probe once, without a daemon, and prints its documents: `probe_nat [--lifetime] stun:192.0.2.1 …`

use std::io::Write;

use icescope_plugin_sdk::testing::FakeHost;
use icescope_probe_nat::icescope_module;
use serde_json::json;

fn main() -> std::process::ExitCode {
    let (flags, servers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let flag = |name: &str| flags.iter().any(|flag| flag == name);
    let arguments = json!({ "servers": servers, "lifetime": flag("--lifetime") });
    let host = FakeHost::new();
    let outcome = host
        .create(icescope_module(), "org.icescope.probe.nat", &json!({}))
        .and_then(|mut probe| probe.run(&arguments, 0, 1));
    if flag("--events") {
        host.seen(|seen| {
            for event in &seen.events {
                eprintln!("{} {}", event.time_ns, event.summary);
            }
        });
    }
    let documents: Vec<_> =
        host.seen(|seen| seen.reports.iter().map(|report| report.document.clone()).collect());
    let written = writeln!(std::io::stdout(), "{}", json!(documents));
    match (outcome, written) {
        (Ok(_), Ok(())) => std::process::ExitCode::SUCCESS,
        (Err(refusal), _) => {
            eprintln!("{}", refusal.message);
            std::process::ExitCode::FAILURE
        }
        (_, Err(error)) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
