//! The example probe in C compiles against the header alone, exports one symbol, loads and reports.

mod c;

use std::path::{Path, PathBuf};
use std::process::Command;

use icescope_plugin_abi::*;

fn probe(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/probe-c/probe.c");
    c::library(&source, &folder.join("libprobe_c.so"))
}

#[test]
fn the_library_exports_the_entry_symbol_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let library = probe(folder.path());
    let listed = c::output(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    let names: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, [ENTRY_SYMBOL.to_str().unwrap()]);
}

#[test]
fn a_host_in_c_loads_it_and_hears_its_events_and_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let library = probe(folder.path());
    let host = c::program(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/host.c"), folder.path());
    let said = c::output(Command::new(host).arg(library));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "module size=24 minor=0 needs=0 plugins=1");
    assert_eq!(lines[1], "plugin org.icescope.example.probe-c icescope.probe/1");
    assert!(lines[2].starts_with(&format!("create wrong status={ICS_E_CONFIG} this probe has no")), "{said}");
    assert_eq!(lines[3], format!("create status={ICS_OK}"));
    assert_eq!(lines[4], "query unknown=0");
    assert_eq!(lines[5], "event org.example.host.clock/1 parent=42 facts=1: resolution");
    let interfaces = lines
        .iter()
        .filter(|line| **line == "event org.example.host.interface/1 parent=42 facts=3: interface address up")
        .count();
    let reports: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("report ")).collect();
    assert_eq!(reports.len(), 1, "a cancelled run reports nothing: {said}");
    let (_, json) = reports[0].split_once('{').unwrap();
    let number = |key: &str| -> usize {
        let rest = json.split_once(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} in {json}")).1;
        rest[..rest.find([',', '}']).unwrap()].parse().unwrap()
    };
    assert!(number("clockResolutionNs") > 0);
    let addresses = number("ipv4Addresses") + number("ipv6Addresses");
    // The cancelled run stops before the first interface, so all those told are of the first run.
    assert_eq!(interfaces, addresses + number("loopbackAddresses"));
    let outcome = if addresses > 0 { ICS_PASS } else { ICS_FAILED };
    assert!(said.contains(&format!("run status={ICS_OK} outcome={outcome}")), "{said}");
    assert_eq!(*lines.last().unwrap(), format!("run cancelled status={ICS_E_CANCELLED}"));
}
