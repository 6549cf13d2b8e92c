//! Gathering.

use icescope_model::verdict::Weight::{Degraded, Harmless};
use icescope_natlab::{Family, Filtering, Namespace, Nat, Plan};

use super::scene::{Scene, World, chain, entry, run};
use super::watch::Expected::{Connects, Fails, FailsBeside};
use super::{Provoked, provoked};

pub fn all() -> Vec<Provoked> {
    vec![
        provoked("a second interface that leads nowhere", FailsBeside("B1", Harmless), dead_interface),
        provoked("the STUN server is dead, both ends at home", Fails("B2"), |world| {
            Scene::homes(world).servers(&[entry(&format!("stun:{}", World::dead()))])
        }),
        provoked("the daemon has its public address itself", Connects("B3", Harmless), |world| {
            Scene::open(world).servers(&world.stun())
        }),
        provoked(
            "a dead server beside a good one, no way to the daemon",
            FailsBeside("B4", Degraded),
            |world| {
                let [good, _] = world.stun();
                Scene::lay(world, Plan::public(), Nat::eim())
                    .browser_servers(&[good, entry(&format!("stun:{}", World::dead()))])
                    .at_daemon(&chain("input", "iifname \"eth0\" meta l4proto udp drop"))
            },
        ),
        provoked("six server URLs", Connects("B5", Harmless), |world| {
            let [one, other] = world.stun();
            let six = [one.clone(), other.clone(), world.relay(), one, other, world.relay()];
            Scene::open(world).browser_servers(&six)
        }),
        provoked("only mDNS names at the browser's", Fails("B6"), |world| {
            Scene::homes(world).daemon_servers(&world.stun()).browser_servers(&[])
        }),
        provoked("only relays wanted, none given", Fails("B7"), |world| Scene::open(world).page_relays()),
        provoked("only a container's bridge is offered", Fails("B10"), |world| {
            let scene = Scene::open(world)
                .browser_servers(&world.stun())
                .config(|config| config.set("ice.interfaces", "include = [\"docker0\"]"));
            cable(scene.daemon.host(), "docker0", "172.17.0.2/16");
            scene
        }),
        provoked("a wrong 1:1 address", Fails("B12"), |world| {
            Scene::homes(world)
                .daemon_servers(&world.stun())
                .browser_servers(&[])
                .unhidden()
                .config(|config| config.set("ice", "addresses = [\"203.0.113.253\"]"))
        }),
        provoked("IPv6 only against IPv4 only", Fails("B13"), |world| {
            Scene::lay(world, Plan::firewall(Filtering::Apdf).family(Family::V6), Plan::public()).unhidden()
        }),
        provoked("the page's VPN address is not offered", Fails("B15"), |world| {
            let scene = Scene::homes(world)
                .daemon_servers(&[])
                .browser_servers(&world.stun())
                .config(|config| config.set("ice.interfaces", "exclude = [\"wg*\"]"));
            cable(scene.daemon.host(), "wg0", "10.8.0.1/24");
            scene.origin("10.8.0.1:8085".parse().expect("an address"))
        }),
    ]
}

/// A second interface, of a VPN that is down for instance: what is sent from its address gets no answer.
fn dead_interface(world: &World) -> Scene {
    let scene = Scene::homes(world)
        .servers(&world.stun())
        .unhidden()
        .at_daemon(&chain("input", "iifname \"eth0\" udp sport != 3478 drop"));
    let host = scene.browser.host();
    cable(host, "tun0", "10.99.0.2/24");
    scene
}

/// An interface that leads nowhere.
fn cable(host: &Namespace, name: &str, address: &str) {
    run(host, &format!("ip link add {name} type veth peer name {name}-far"));
    run(host, &format!("ip address add {address} dev {name}"));
    run(host, &format!("ip link set {name} up"));
    run(host, &format!("ip link set {name}-far up"));
}
