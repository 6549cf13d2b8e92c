//! Address translation, filtering and networks.

use icescope_model::verdict::Weight::Degraded;
use icescope_natlab::{Egress, Nat, Plan};

use super::scene::{Scene, World, chain, entry, nft, run};
use super::watch::Expected::{Connects, Fails, FailsBeside};
use super::{Provoked, provoked};

pub fn all() -> Vec<Provoked> {
    vec![
        provoked("APDM at both ends, no relay", Fails("C1"), |world| {
            Scene::lay(world, Nat::apdm(), Nat::apdm()).servers(&world.stun()).unhidden()
        }),
        provoked("APDM at the daemon's, EIM and APDF at the browser's", Fails("C2"), |world| {
            Scene::lay(world, Nat::apdm(), Nat::eim()).servers(&world.stun()).unhidden()
        }),
        provoked("a UDP port that the router does not forward", Fails("C3"), |world| {
            Scene::homes(world).daemon_servers(&world.stun()).browser_servers(&[]).unhidden()
        }),
        provoked("the host's firewall drops what comes in", Fails("C6"), |world| {
            Scene::lay(world, Plan::public(), Nat::eim())
                .browser_servers(&[])
                .unhidden()
                .at_daemon(&chain("input", "meta l4proto udp drop"))
        }),
        provoked("the daemon's host lets no UDP out", Fails("C6"), |world| {
            Scene::open(world).at_daemon(&chain("output", "oifname \"eth0\" meta l4proto udp drop"))
        }),
        provoked("UDP is blocked at the browser's", Fails("C12"), |world| {
            Scene::lay(world, Nat::eim(), Plan::from(Nat::eim()).egress(Egress::UdpDropped))
                .servers(&world.stun())
        }),
        provoked("only TCP 443 at the daemon's", Fails("C12"), |world| {
            Scene::lay(world, Plan::from(Nat::eim()).egress(Egress::OnlyTcp443), Nat::eim())
                .servers(&world.stun())
        }),
        provoked("one router for both, without hairpinning", Fails("C7"), |world| {
            Scene::apart(world, Nat::eim()).servers(&world.stun())
        }),
        provoked("one router for both, which leads packets back in", Connects("C8", Degraded), |world| {
            Scene::apart(world, Nat::eim().hairpin(true)).servers(&world.stun())
        }),
        provoked("an access point that keeps its clients apart", Fails("C15"), |world| {
            Scene::apart(world, Nat::eim()).unhidden().servers(&[])
        }),
        provoked("the STUN server sees a private address", Connects("C9", Degraded), inside_server),
        provoked("a router rewrites addresses in packets", Connects("C18", Degraded), rewritten),
        provoked("carrier-grade NAT, as the probe measures it", FailsBeside("C5", Degraded), |world| {
            let coturn = world.turn(|options| options.two_addresses = true);
            let urls: Vec<String> =
                coturn.addresses().iter().take(2).map(|address| entry(&format!("stun:{address}"))).collect();
            let probe =
                "[[plugin]]\nname = \"nat\"\npath = \"probe-nat\"\ngrants = [\"icescope.ice-servers/1\"]\n";
            Scene::lay(world, Plan::double_nat(Nat::apdm(), Nat::eim()), Nat::apdm())
                .servers(&urls)
                .config(|config| config.more(probe))
                .keep(coturn)
        }),
    ]
}

/// A server in the same cluster, which sees packets with the node's address.
fn inside_server(world: &World) -> Scene {
    let scene = Scene::open(world);
    let host = scene.daemon.host();
    for address in ["10.96.0.10/32", "10.0.0.7/32"] {
        run(host, &format!("ip address add {address} dev lo"));
    }
    nft(
        host,
        "table ip node {\n chain post {\n type nat hook postrouting priority srcnat; policy accept;\n ip daddr 10.96.0.10 udp dport 3478 snat to 10.0.0.7\n }\n}\n",
    );
    let mut command = host.command("turnserver");
    command.args(
        "-n --no-cli --no-tls --no-dtls --stun-only --log-file=/dev/null --pidfile= -L 10.96.0.10 -p 3478"
            .split(' '),
    );
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let server = icescope_natlab::Process::start(command).expect("turnserver starts");
    scene.daemon_servers(&[entry("stun:10.96.0.10:3478")]).keep(server)
}

/// A «SIP helper» that puts its own address into MAPPED-ADDRESS, coturn's second attribute, and leaves the first one,
/// XOR-MAPPED-ADDRESS, alone, for it does not see an address there.
fn rewritten(world: &World) -> Scene {
    let coturn = world.turn(|options| options.user = None);
    let url = entry(&format!("stun:{}", coturn.addresses()[0]));
    let scene = Scene::lay(world, Nat::eim(), Plan::public()).daemon_servers(&[url]);
    nft(
        &scene.daemon.routers()[0],
        "table ip helper {\n chain pre {\n type filter hook prerouting priority raw; policy accept;\n\
         iifname \"wan\" udp sport 3478 @th,64,16 0x0101 @th,320,16 0x0001 @th,384,32 set 0x0a000001\n }\n}\n",
    );
    scene.browser_servers(&world.stun()).keep(coturn)
}
