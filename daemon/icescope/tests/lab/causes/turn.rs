//! TURN.

use icescope_model::verdict::Weight::Harmless;
use icescope_natlab::{Coturn, CoturnOptions};

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
            let elsewhere = format!("--alternate-server={}", world.dead());
            daemon_with(world, |options| options.arguments = vec![elsewhere])
        }),
        provoked("both relay by one server that does not reach itself", Fails("D21"), |world| {
            let coturn = world.turn(|_| {});
            super::scene::nft(coturn.site().host(), &chain("input", "iifname \"lo\" meta l4proto udp drop"));
            let relay = turn_entry(&coturn, "udp", PASSWORD_FILE);
            Scene::homes(world).servers(&[relay]).page_relays().daemon_relays().keep(coturn)
        }),
        provoked("the page takes relays only", Connects("D24", Harmless), |world| {
            Scene::open(world).browser_servers(&[world.relay()]).page_relays()
        }),
        provoked("a STUN server in a turn: URL", Fails("D25"), |world| {
            let coturn = world.turn(|options| options.user = None);
            let url = turn_url(&format!("turn:{}", coturn.addresses()[0]), PASSWORD_FILE);
            Scene::open(world).daemon_servers(&[url]).browser_servers(&[]).daemon_relays().keep(coturn)
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
    let coturn: Coturn = world.turn(change);
    let relay = turn_entry(&coturn, "udp", PASSWORD_FILE);
    Scene::homes(world)
        .daemon_servers(&[relay])
        .browser_servers(&[entry(&format!("stun:{}", coturn.addresses()[0]))])
        .daemon_relays()
        .keep(coturn)
}
