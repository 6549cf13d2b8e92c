//! Which probes `icescope probe` runs, and over which servers.

use std::path::Path;

use icescope_config::{IceUrl, Settings};
use icescope_plugin_host::{Options, PluginHost, PluginSpec};

use crate::cli::ProbeArgs;
use crate::settings;

/// Where the configuration is if none is named.
const CONFIG: &str = "/etc/icescope/icescope.toml";
/// What runs where there is no configuration: the instances and their libraries in the plugin directory.
const SHIPPED: [(&str, &str); 3] = [("nat", "probe-nat"), ("stun", "probe-stun"), ("turn", "probe-turn")];
/// The kind of what measures.
const PROBE: &str = "icescope.probe/1";

/// The configuration, and the plugins among which the probes are.
pub fn configuration(args: &ProbeArgs) -> anyhow::Result<(Settings, Vec<PluginSpec>)> {
    let path = match &args.config {
        Some(path) => path.as_path(),
        None if Path::new(CONFIG).exists() => Path::new(CONFIG),
        None => {
            let shipped = |(name, path)| PluginSpec {
                grants: vec![icescope_plugin_host::ICE_SERVERS_GRANT.to_owned()],
                ..PluginSpec::new(name, path)
            };
            return Ok((Settings::default(), SHIPPED.map(shipped).to_vec()));
        }
    };
    let settings = icescope_config::load(path).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let plugins = settings::plugins(&settings);
    Ok((settings, plugins))
}

/// Those of the plugins that measure. What plays is not created for it: it might open a camera.
pub fn probes(options: &Options, settings: &Settings, plugins: Vec<PluginSpec>) -> Vec<PluginSpec> {
    let plays = |spec: &PluginSpec| settings.source.plays.as_ref() == Some(&spec.name);
    let may: Vec<_> = plugins.into_iter().filter(|spec| !plays(spec)).collect();
    // Looking takes each a process for a moment: they look side by side.
    let is_probe: Vec<bool> = std::thread::scope(|scope| {
        let looking: Vec<_> = may.iter().map(|spec| scope.spawn(|| is_probe(options, spec))).collect();
        looking.into_iter().map(|thread| thread.join().unwrap_or(true)).collect()
    });
    may.into_iter().zip(is_probe).filter_map(|(spec, is_probe)| is_probe.then_some(spec)).collect()
}

fn is_probe(options: &Options, spec: &PluginSpec) -> bool {
    if SHIPPED.iter().any(|(_, path)| *path == spec.path) {
        return true;
    }
    // One that cannot be looked at may well be a probe: running it will say what is wrong.
    PluginHost::check(options, spec).map_or(true, |checked| checked.kind == PROBE)
}

/// The probes that were named, by their configured or their own name; all without a name. `known` holds both names of
/// each. The error names those there are.
pub fn named<'a>(known: &'a [(String, String)], names: &[String]) -> anyhow::Result<Vec<&'a str>> {
    let fits = |name: &str, (instance, own): &(String, String)| instance == name || own == name;
    for name in names {
        if !known.iter().any(|probe| fits(name, probe)) {
            let list = |(instance, own): &(String, String)| {
                if instance == own { instance.clone() } else { format!("{instance} ({own})") }
            };
            let known: Vec<String> = known.iter().map(list).collect();
            anyhow::bail!("there is no probe «{name}»; there are: {}", known.join(", "));
        }
    }
    let wanted = |probe: &&(String, String)| names.is_empty() || names.iter().any(|name| fits(name, probe));
    Ok(known.iter().filter(wanted).map(|(instance, _)| instance.as_str()).collect())
}

/// A server of the command line as a URL: `HOST:PORT` means `stun:HOST:PORT`.
pub fn server(text: &str) -> Result<String, String> {
    let is_url = ["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| text.starts_with(scheme));
    let url = if is_url { text.to_owned() } else { format!("stun:{text}") };
    IceUrl::parse(&url).map(|url| url.to_string()).map_err(|wrong| {
        format!("it {wrong}; write HOST:PORT, [IPV6]:PORT, or a URL such as turn:HOST:PORT?transport=tcp")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_url() {
        for (text, url) in [
            ("192.0.2.1:3478", "stun:192.0.2.1:3478"),
            ("stun.example", "stun:stun.example"),
            ("localhost:3478", "stun:localhost:3478"),
            ("[2001:db8::1]:3478", "stun:[2001:db8::1]:3478"),
            ("turns:a.example", "turns:a.example"),
            ("turn:a.example?transport=udp", "turn:a.example"),
        ] {
            assert_eq!(server(text).as_deref(), Ok(url), "{text}");
        }
        for wrong in ["", "http://a.example", "a.example:port", "2001:db8::1", "stun:a?transport=udp"] {
            let said = server(wrong).unwrap_err();
            assert!(said.starts_with("it ") && said.contains("HOST:PORT"), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_probe_is_called_by_either_name() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let known = [pair("nat", "probe-nat"), pair("near", "probe-stun"), pair("far", "probe-stun")];
        let named = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            super::named(&known, &names).map(|found| found.join(" ")).map_err(|error| error.to_string())
        };
        assert_eq!(named(&[]).as_deref(), Ok("nat near far"));
        assert_eq!(named(&["far", "probe-nat"]).as_deref(), Ok("nat far"));
        assert_eq!(named(&["probe-stun"]).as_deref(), Ok("near far"));
        let wrong = named(&["nat", "gnat"]).unwrap_err();
        assert_eq!(
            wrong,
            "there is no probe «gnat»; there are: nat (probe-nat), near (probe-stun), far (probe-stun)"
        );
    }
}
