//! ICE and DTLS.

use icescope_model::verdict::Weight::Degraded;
use icescope_natlab::Nat;

use super::scene::{PASSWORD_FILE, Scene, chain, nft, run, turn_entry};
use super::watch::Expected::{Fails, FailsBeside};
use super::{Provoked, provoked};

/// The first octet of a UDP payload: RFC 7983 gives DTLS 20 to 63; 22 is its handshake.
const HANDSHAKE: &str = "meta l4proto udp @th,64,8 22";

const FINGERPRINT: &str = concat!(
    "const change = (text) => text.replaceAll(/a=fingerprint:(\\S+) ..:../g, 'a=fingerprint:$1 00:00');",
    include_str!("answer.js")
);

const PASSIVE: &str = concat!(
    "const change = (text) => text.replaceAll(/a=setup:\\S+/g, (word) => `a=setup:${word.endsWith('active') ? 'passive' : 'active'}`);",
    include_str!("answer.js")
);

pub fn all() -> Vec<Provoked> {
    vec![
        provoked("UDP between the ends is dropped both ways", Fails("E1"), |world| {
            deaf(Scene::open(world).servers(&world.stun()))
        }),
        provoked("ice.timeouts.connect is 12 s", FailsBeside("E3", Degraded), |world| {
            deaf(Scene::open(world).servers(&world.stun()))
                .config(|config| config.set("ice.timeouts", "connect = \"12s\""))
        }),
        provoked("the line is cut while it plays", Fails("E5"), |world| {
            Scene::open(world).config(|config| config.set("ice.timeouts", "vanished = \"8s\"")).then(
                |scene| {
                    for host in [scene.browser.host(), scene.daemon.host()] {
                        nft(host, &chain("input", "iifname \"eth0\" drop"));
                    }
                },
            )
        }),
        provoked("the browser's interface goes down while it plays", Fails("E7"), |world| {
            Scene::open(world)
                .config(|config| config.set("ice.timeouts", "vanished = \"8s\""))
                .then(|scene| run(scene.browser.host(), "ip link set eth0 down"))
        }),
        provoked("large DTLS packets are dropped", Fails("F1"), |world| {
            Scene::open(world)
                .at_browser(&chain("output", &format!("{HANDSHAKE} meta length > 600 drop")))
                .at_daemon(&chain("output", &format!("{HANDSHAKE} meta length > 600 drop")))
        }),
        provoked("a=setup is changed on the way", Fails("F5"), |world| Scene::open(world).script(PASSIVE)),
        provoked("the fingerprint is changed on the way", Fails("F6"), |world| {
            Scene::open(world).script(FINGERPRINT)
        }),
        provoked("DTLS is dropped", Fails("F7"), |world| {
            Scene::open(world)
                .at_daemon(&chain("input", &format!("{HANDSHAKE} drop")))
                .at_daemon(&chain("output", &format!("{HANDSHAKE} drop")))
        }),
        provoked("the TURN server stops while it relays", Fails("F8"), |world| {
            let coturn =
                world.turn(|options| options.arguments = vec!["--max-allocate-lifetime=20".to_owned()]);
            let id = coturn.id().expect("it runs");
            Scene::lay(world, Nat::eim(), Nat::eim())
                .servers(&[turn_entry(&coturn, "udp", PASSWORD_FILE)])
                .daemon_relays()
                .config(|config| config.set("ice.timeouts", "vanished = \"20s\""))
                .keep(coturn)
                .then(move |_| {
                    let stopped =
                        std::process::Command::new("kill").args(["-STOP", &id.to_string()]).status();
                    assert!(stopped.expect("kill runs").success());
                })
        }),
    ]
}

/// Neither end hears the other over UDP; servers are heard.
fn deaf(scene: Scene) -> Scene {
    let rules = chain("input", "iifname \"eth0\" udp sport != 3478 drop");
    scene.at_browser(&rules).at_daemon(&rules)
}
