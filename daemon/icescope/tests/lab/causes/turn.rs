//! TURN.

use std::any::Any;
use std::process::{Command, Stdio};

use base64::Engine;
use hmac::{Hmac, Mac};
use icescope_model::verdict::Weight::{Degraded, Harmless};
use icescope_natlab::{Coturn, CoturnOptions, Plan, Process};
use sha1::Sha1;

use super::scene::{PASSWORD_FILE, Scene, WRONG_FILE, World, chain, entry, turn_entry, turn_url};
use super::watch::Expected::{Connects, Fails};
use super::{Provoked, provoked};

pub fn all() -> Vec<Provoked> {
    vec![
        provoked("any TURN server", Connects("D1", Harmless), |world| {
            Scene::open(world).servers(&[world.relay()])
        }),
        provoked("a wrong password at the browser's", Fails("D2"), |world| {
            let coturn = world.turn(|_| {});
            Scene::open(world)
                .browser_servers(&[turn_entry(&coturn, "udp", WRONG_FILE)])
                .page_relays()
                .keep(coturn)
        }),
        provoked("a wrong password at the daemon's", Fails("D2"), |world| {
            let coturn = world.turn(|_| {});
            Scene::open(world)
                .daemon_servers(&[turn_entry(&coturn, "udp", WRONG_FILE)])
                .browser_servers(&[])
                .daemon_relays()
                .keep(coturn)
        }),
        provoked("a server that forbids the peer", Fails("D7"), |world| {
            with(world, Scene::open(world).page_relays(), |options| {
                options.arguments = vec!["--denied-peer-ip=0.0.0.0-255.255.255.255".to_owned()];
            })
        }),
        provoked("external-ip is a private address", Fails("D8"), |world| {
            daemon_with(world, |options| options.arguments = vec!["--external-ip=192.168.77.7".to_owned()])
        }),
        provoked("no relays over UDP", Fails("D12"), |world| {
            daemon_with(world, |options| options.arguments = vec!["--no-udp-relay".to_owned()])
        }),
        provoked("a quota of one, which the browser has", Fails("D14"), |world| {
            let scene = Scene::open(world).page_relays().daemon_relays();
            with(world, scene, |options| options.arguments = vec!["--user-quota=1".to_owned()])
        }),
        provoked("a single relay port, which the browser has", Fails("D15"), |world| {
            let scene = Scene::open(world).page_relays().daemon_relays();
            with(world, scene, |options| {
                options.arguments = vec!["--min-port=50000".to_owned(), "--max-port=50000".to_owned()];
            })
        }),
        provoked("a server that sends its clients elsewhere", Fails("D16"), |world| {
            let elsewhere = format!("--alternate-server={}", World::dead());
            daemon_with(world, |options| options.arguments = vec![elsewhere])
        }),
        provoked("a credential that has run out", Fails("D3"), expired),
        provoked("a server that relays IPv6 only", Fails("D13"), |world| {
            // Clients that name no family get the server's default.
            let options = CoturnOptions {
                two_addresses: false,
                arguments: vec!["--allocation-default-address-family=ipv6".to_owned()],
                ..CoturnOptions::default()
            };
            let site = world.lab.site(Plan::public()).expect("a site is made");
            let coturn = Coturn::start(site, &options).expect("a coturn starts");
            only_for_the_daemon(world, coturn)
        }),
        provoked("a TURN server with a certificate of its own making", Fails("D17"), |world| {
            tls(world, "coturn")
        }),
        provoked("a TURN server with old ciphers only", Fails("D18"), |world| tls(world, "old")),
        provoked("both relay by one server that does not reach itself", Fails("D21"), |world| {
            let coturn = world.turn(|_| {});
            super::scene::nft(coturn.site().host(), &chain("input", "iifname \"lo\" meta l4proto udp drop"));
            let relay = turn_entry(&coturn, "udp", PASSWORD_FILE);
            Scene::homes(world).servers(&[relay]).page_relays().daemon_relays().keep(coturn)
        }),
        provoked("the page takes relays only", Connects("D24", Harmless), |world| {
            Scene::open(world).browser_servers(&[world.relay()]).page_relays()
        }),
        provoked("a STUN server in a turn: URL", Connects("D25", Degraded), |world| {
            let coturn = world.turn(|options| options.user = None);
            let address = coturn.addresses()[0];
            let both =
                [entry(&format!("stun:{address}")), turn_url(&format!("turn:{address}"), PASSWORD_FILE)];
            Scene::open(world).daemon_servers(&both).browser_servers(&[]).keep(coturn)
        }),
    ]
}

/// Both ends are given a coturn of the scene's own.
fn with(world: &World, scene: Scene, change: impl FnOnce(&mut CoturnOptions)) -> Scene {
    let coturn: Coturn = world.turn(change);
    scene.servers(&[turn_entry(&coturn, "udp", PASSWORD_FILE)]).keep(coturn)
}

/// Only the daemon is, and it has nothing else.
fn daemon_with(world: &World, change: impl FnOnce(&mut CoturnOptions)) -> Scene {
    only_for_the_daemon(world, world.turn(change))
}

fn only_for_the_daemon(world: &World, coturn: Coturn) -> Scene {
    let relay = turn_entry(&coturn, "udp", PASSWORD_FILE);
    Scene::homes(world)
        .daemon_servers(&[relay])
        .browser_servers(&[entry(&format!("stun:{}", coturn.addresses()[0]))])
        .daemon_relays()
        .keep(coturn)
}

/// What was made with the TURN REST API in 2020: user name and password are right, and their time is over.
fn expired(world: &World) -> Scene {
    const SECRET: &str = "lab";
    const USER: &str = "1600000000:lab";
    let coturn = world.turn(|options| (options.user, options.secret) = (None, Some(SECRET.to_owned())));
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    mac.update(USER.as_bytes());
    let password = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let url = format!(
        "{{ urls = [\"turn:{}\"], username = \"{USER}\", credential-file = \"./expired.password\" }}",
        coturn.addresses()[0]
    );
    Scene::homes(world)
        .config(|config| config.file("expired.password", &password))
        .daemon_servers(&[url])
        .browser_servers(&world.stun())
        .daemon_relays()
        .keep(coturn)
}

/// A server that speaks TLS at the standard port: coturn, or one that has only ciphers of another time.
fn tls(world: &World, kind: &str) -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    let words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=turn.example";
    let made = Command::new("openssl")
        .args(words.split(' '))
        .args(["-addext", "subjectAltName=DNS:turn.example", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let site = world.lab.site(Plan::public()).expect("a site is made");
    let url = turn_url(&format!("turns:{}:5349?transport=tcp", site.public_address()), PASSWORD_FILE);
    let server: Box<dyn Any + Send> = if kind == "coturn" {
        let tls = Some((certificate, key));
        let options = CoturnOptions { two_addresses: false, tls, ..CoturnOptions::default() };
        Box::new(Coturn::start(site, &options).expect("a coturn starts"))
    } else {
        let mut command = site.command("openssl");
        command.args(["s_server", "-quiet", "-accept", "5349", "-tls1_2", "-cipher", "AES128-SHA", "-cert"]);
        command.arg(certificate).arg("-key").arg(key);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Box::new((Process::start(command).expect("openssl starts"), site))
    };
    Scene::homes(world)
        .daemon_servers(&[url])
        .browser_servers(&world.stun())
        .daemon_relays()
        .keep(server)
        .keep(folder)
}
