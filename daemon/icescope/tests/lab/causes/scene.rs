//! A scene: the two ends of one attempt, what stands between them, what they are given; and what was told of it.

use std::any::Any;
use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use icescope_natlab::{Coturn, CoturnOptions, Lab, Namespace, Nat, PlainStun, Plan, Site, Tunnel};
use serde_json::{Value, json};

use super::super::rig::{BrowserEnd, Config, DaemonEnd};

/// What all scenes share: an internet, a TURN server as it should be, and two STUN servers.
pub struct World {
    pub lab: Arc<Lab>,
    coturn: Coturn,
    stun: [PlainStun; 2],
}

impl World {
    pub fn new(lab: &Arc<Lab>) -> Self {
        let plain = || lab.plain_stun().expect("a STUN server starts");
        let options = CoturnOptions { two_addresses: false, ..CoturnOptions::default() };
        let coturn = lab.coturn(&options).expect("a coturn starts");
        Self { lab: Arc::clone(lab), coturn, stun: [plain(), plain()] }
    }

    /// A coturn of a scene's own.
    pub fn turn(&self, change: impl FnOnce(&mut CoturnOptions)) -> Coturn {
        let mut options = CoturnOptions { two_addresses: false, ..CoturnOptions::default() };
        change(&mut options);
        self.lab.coturn(&options).expect("a coturn starts")
    }

    /// URLs of the two STUN servers, as TOML.
    pub fn stun(&self) -> [String; 2] {
        [0, 1].map(|index: usize| entry(&format!("stun:{}", self.stun[index].addresses()[0])))
    }

    /// The TURN server that is as it should be, with the right password.
    pub fn relay(&self) -> String {
        turn_entry(&self.coturn, "udp", PASSWORD_FILE)
    }

    /// Where nobody answers.
    pub const fn dead() -> SocketAddr {
        SocketAddr::new(Lab::dead_addresses().0, 3478)
    }
}

/// The password of [`CoturnOptions`], in a file that each scene has.
pub const PASSWORD_FILE: &str = "right.password";
/// Another one.
pub const WRONG_FILE: &str = "wrong.password";

/// An entry of `servers` without credentials.
pub fn entry(url: &str) -> String {
    format!("{{ urls = [\"{url}\"] }}")
}

/// An entry of `servers` for a TURN server.
pub fn turn_url(url: &str, file: &str) -> String {
    format!("{{ urls = [\"{url}\"], username = \"icescope\", credential-file = \"./{file}\" }}")
}

/// An entry of `servers` for a coturn, over UDP or TCP.
pub fn turn_entry(coturn: &Coturn, transport: &str, file: &str) -> String {
    turn_url(&format!("turn:{}?transport={transport}", coturn.addresses()[0]), file)
}

/// What happens once frames are seen.
pub type Act = Box<dyn FnOnce(&Scene) + Send>;

/// What stands around one attempt.
pub struct Scene {
    pub daemon: Site,
    pub browser: Site,
    pub config: Config,
    /// Members of RTCConfiguration that the page is made to use.
    pub forced: Value,
    /// Runs in the page before its own scripts.
    pub script: Option<&'static str>,
    pub permissions: &'static [&'static str],
    /// The page's address, where it is not loopback: it is put on the browser's loopback, and a tunnel leads on from there.
    pub origin: Option<SocketAddr>,
    pub act: Option<Act>,
    /// What has to live as long.
    kept: Vec<Box<dyn Any + Send>>,
}

impl Scene {
    /// A daemon there and a browser here.
    pub fn lay(world: &World, daemon: impl Into<Plan>, browser: impl Into<Plan>) -> Self {
        let site = |plan: Plan| world.lab.site(plan).expect("a site is made");
        Self::between(site(daemon.into()), site(browser.into()))
    }

    /// Both ends are behind the same router, which keeps them apart.
    pub fn apart(world: &World, nat: Nat) -> Self {
        let daemon = world.lab.site(nat).expect("a site is made");
        let browser = daemon.neighbour().expect("a neighbour is made");
        Self::between(daemon, browser)
    }

    fn between(daemon: Site, browser: Site) -> Self {
        Self {
            daemon,
            browser,
            config: Config::new().file(PASSWORD_FILE, "lab").file(WRONG_FILE, "another"),
            forced: json!({}),
            script: None,
            permissions: &[],
            origin: None,
            act: None,
            kept: Vec::new(),
        }
    }

    /// Both ends have public addresses.
    pub fn open(world: &World) -> Self {
        Self::lay(world, Plan::public(), Plan::public())
    }

    /// Both ends are behind what most homes have.
    pub fn homes(world: &World) -> Self {
        Self::lay(world, Nat::eim(), Nat::eim())
    }

    pub fn config(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.config = change(self.config);
        self
    }

    /// Servers of both ends.
    pub fn servers(self, entries: &[String]) -> Self {
        self.daemon_servers(entries).browser_servers(entries)
    }

    pub fn daemon_servers(self, entries: &[String]) -> Self {
        self.config(|config| config.servers(entries))
    }

    pub fn browser_servers(self, entries: &[String]) -> Self {
        self.config(|config| config.browser_servers(entries))
    }

    /// The page takes only paths through a relay.
    pub fn page_relays(mut self) -> Self {
        self.forced = json!({"iceTransportPolicy": "relay"});
        self
    }

    /// So does the daemon.
    pub fn daemon_relays(self) -> Self {
        self.config(|config| config.set("ice", "policy = \"relay\""))
    }

    pub fn script(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    /// With the permission for a camera, browsers do not hide their addresses.
    pub fn unhidden(mut self) -> Self {
        self.permissions = &["camera", "microphone"];
        self
    }

    /// Rules for nft on the daemon's host.
    pub fn at_daemon(self, rules: &str) -> Self {
        nft(self.daemon.host(), rules);
        self
    }

    /// Rules for nft on the browser's host.
    pub fn at_browser(self, rules: &str) -> Self {
        nft(self.browser.host(), rules);
        self
    }

    /// The page is reached at this address.
    pub fn origin(mut self, origin: SocketAddr) -> Self {
        run(self.browser.host(), &format!("ip address add {}/32 dev lo", origin.ip()));
        self.origin = Some(origin);
        self.config(|config| config.set("server", format!("allowed-hosts = [\"{}\"]", origin.ip())))
    }

    /// What happens once frames are seen.
    pub fn then(mut self, act: impl FnOnce(&Self) + Send + 'static) -> Self {
        self.act = Some(Box::new(act));
        self
    }

    pub fn keep(mut self, thing: impl Any + Send) -> Self {
        self.kept.push(Box::new(thing));
        self
    }

    pub(super) fn start_daemon(&self) -> DaemonEnd<'_> {
        DaemonEnd::start(&self.daemon, &self.config)
    }

    pub(super) fn start_browser(&self) -> BrowserEnd<'_> {
        BrowserEnd::start(&self.browser, &[])
    }

    /// The page's way to the daemon, which ICE cannot take.
    pub(super) fn tunnel(&self) -> Tunnel {
        let target = "127.0.0.1:8085".parse().expect("an address");
        let listen = self.origin.unwrap_or_else(|| "127.0.0.1:0".parse().expect("an address"));
        Tunnel::open_at(self.browser.host(), listen, self.daemon.host(), target).expect("a tunnel opens")
    }
}

/// Loads rules into a namespace.
pub fn nft(namespace: &Namespace, rules: &str) {
    let mut child =
        namespace.command("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft runs");
    child.stdin.take().expect("its input").write_all(rules.as_bytes()).expect("nft reads");
    assert!(child.wait().expect("nft ends").success(), "nft did not like:\n{rules}");
}

/// Runs a command in a namespace.
pub fn run(namespace: &Namespace, words: &str) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let status = namespace.command(words[0]).args(&words[1..]).status().expect("it runs");
    assert!(status.success(), "{words:?}");
}

/// A chain of nft for one hook (`input`, `output`) with these rules.
pub fn chain(hook: &str, rules: &str) -> String {
    format!(
        "table inet scene_{hook} {{\n chain c {{\n type filter hook {hook} priority -10; policy accept;\n{rules}\n }}\n}}\n"
    )
}
