//! The engine against a simulated network: every kind of NAT, with and without loss, and servers that lie.

mod simulation;

use std::time::Duration;

use icescope_probe_nat::engine::Engine;
use icescope_probe_nat::facts::{Filtering, Mapping, Ports, Udp};
use icescope_probe_nat::verdict::{carrier, filtering, hairpin, mapping, ports, translation, udp};
use simulation::nat::{Kind, Nat};
use simulation::{Manner, Server, Way, World};

use Filtering::{AddressAndPortDependent as Apdf, AddressDependent as Adf, EndpointIndependent as Eif};
use Mapping::{AddressAndPortDependent as Apdm, AddressDependent as Adm, EndpointIndependent as Eim};

const NEAR: Way = Way { delay: Duration::from_millis(2), loss: 0, udp_blocked: false, tcp: true };

fn server(host: u8, manner: Manner) -> Server {
    Server { address: format!("192.0.2.{host}:3478").parse().expect("an address"), manner }
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for filtering in [Eif, Adf, Apdf] {
        let open = Kind {
            translates: false,
            mapping: Eim,
            filtering,
            ports: Ports::Preserved,
            hairpin: false,
            carrier: false,
        };
        kinds.push(open);
        for (mapping, ports) in [
            (Eim, Ports::Preserved),
            (Eim, Ports::Random),
            (Eim, Ports::Sequential),
            (Adm, Ports::Random),
            (Adm, Ports::Sequential),
            (Apdm, Ports::Random),
            (Apdm, Ports::Sequential),
        ] {
            let hairpin = mapping == Eim && filtering != Adf;
            let carrier = mapping == Apdm && filtering == Apdf;
            kinds.push(Kind { translates: true, mapping, filtering, ports, hairpin, carrier });
        }
    }
    kinds
}

/// Fields that are not as they are, and fields that are unknown.
fn compare(engine: &Engine, kind: Kind) -> (Vec<String>, Vec<String>) {
    let view = engine.view();
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    let mut field = |name: &str, found: String, expected: String, is_unknown: bool| {
        if is_unknown {
            unknown.push(name.to_owned());
        } else if found != expected {
            wrong.push(format!("{name} is {found}, not {expected}"));
        }
    };
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let nat = translation::nat(&view).value;
    field("nat", text(&nat), text(&Some(kind.translates)), nat.is_none());
    let found = mapping::overall(&view).value;
    field("mapping", text(&found), text(&kind.mapping), found == Mapping::Unknown);
    let found = filtering::overall(&view).value;
    field("filtering", text(&found), text(&kind.filtering), found == Filtering::Unknown);
    let found = ports::overall(&view).value;
    field("ports", text(&found), text(&kind.ports), found == Ports::Unknown);
    let found = hairpin::overall(&view).value;
    field("hairpin", text(&found), text(&Some(kind.hairpin)), found.is_none());
    let found = carrier::cgnat(&view).value;
    field("cgnat", text(&found), text(&Some(kind.carrier)), found.is_none());
    let found = udp::overall(&view).value;
    field("udp", text(&found), text(&Udp::Open), found == Udp::Unknown);
    (wrong, unknown)
}

#[test]
fn every_kind_is_found_as_it_is() {
    let servers = [server(9, Manner::Dead), server(1, Manner::Plain), server(2, Manner::Discovery)];
    for kind in kinds() {
        for seed in 0..5 {
            let engine = World::run(&servers, Nat::new(kind), NEAR, seed);
            let (wrong, mut unknown) = compare(&engine, kind);
            unknown.retain(|name| kind.translates || name != "hairpin");
            assert!(
                wrong.is_empty() && unknown.is_empty(),
                "{kind:?}, seed {seed}: {wrong:?}, unknown {unknown:?}"
            );
            assert!(engine.now() < Duration::from_secs(1), "{kind:?}: {:?}", engine.now());
        }
    }
}

#[test]
fn loss_makes_findings_unknown_at_most_and_runs_end_all_the_same() {
    let discovery = [server(1, Manner::Discovery), server(2, Manner::Discovery)];
    let servers = [server(9, Manner::Dead), discovery[0], server(3, Manner::Plain), discovery[1]];
    let mut longest = Duration::ZERO;
    for (loss, seeds) in [(10, 12), (30, 6)] {
        let mut unknowns = 0;
        for kind in kinds() {
            for seed in 0..seeds {
                let engine = World::run(&servers, Nat::new(kind), Way { loss, ..NEAR }, seed);
                let (wrong, unknown) = compare(&engine, kind);
                assert!(wrong.is_empty(), "{loss} %, {kind:?}, seed {seed}: {wrong:?}");
                assert!(engine.now() < Duration::from_secs(10), "{loss} %, {kind:?}, seed {seed}: it hangs");
                unknowns += unknown.len() - usize::from(!kind.translates);
                longest = longest.max(engine.now());
            }
        }
        println!(
            "{loss} % lost each way: {unknowns} of {} fields unknown",
            kinds().len() * seeds as usize * 7
        );
    }
    println!("the longest run took {longest:?}");
}

#[test]
fn a_far_way_is_waited_for() {
    let servers = [server(9, Manner::Dead), server(1, Manner::Discovery)];
    let far = Way { delay: Duration::from_millis(200), ..NEAR };
    for kind in kinds() {
        let engine = World::run(&servers, Nat::new(kind), far, 1);
        let (wrong, _) = compare(&engine, kind);
        assert!(wrong.is_empty(), "{kind:?}: {wrong:?}");
        assert_eq!(filtering::overall(&engine.view()).value, kind.filtering);
        assert!(engine.now() < Duration::from_millis(2500), "{kind:?}: {:?}", engine.now());
    }
}

#[test]
fn a_server_that_cannot_tell_filtering_leaves_it_unknown() {
    for manner in [Manner::Liar, Manner::Stubborn, Manner::OneAddress, Manner::Plain, Manner::Crooked] {
        for kind in kinds() {
            // After address- and port-dependent mapping, only the server's word shows that it can.
            if manner == Manner::Liar && kind.mapping == Apdm {
                continue;
            }
            let engine = World::run(&[server(1, manner)], Nat::new(kind), NEAR, 3);
            let found = filtering::overall(&engine.view());
            assert_eq!(found.value, Filtering::Unknown, "{manner:?}, {kind:?}: {}", found.because);
            assert!(engine.now() < Duration::from_secs(4), "{manner:?}: {:?}", engine.now());
        }
    }
}

#[test]
fn two_plain_servers_tell_independent_mapping_and_no_more_than_that_it_depends() {
    let servers = [server(1, Manner::Plain), server(2, Manner::Plain)];
    for kind in kinds() {
        let engine = World::run(&servers, Nat::new(kind), NEAR, 5);
        let found = mapping::overall(&engine.view());
        let expected = if kind.mapping == Eim { Eim } else { Mapping::Unknown };
        assert_eq!(found.value, expected, "{kind:?}: {}", found.because);
        assert_eq!(found.because.contains("depends on the destination"), kind.mapping != Eim);
    }
}

#[test]
fn dead_servers_do_not_mean_that_udp_is_blocked_and_living_ones_over_tcp_do() {
    let kind = kinds()[1];
    let blocked = Way { udp_blocked: true, ..NEAR };
    for (way, manner, expected) in [
        (NEAR, Manner::Dead, Udp::Unknown),
        (blocked, Manner::Discovery, Udp::Blocked),
        (Way { tcp: false, ..blocked }, Manner::Discovery, Udp::Unknown),
    ] {
        let engine = World::run(&[server(1, manner), server(2, manner)], Nat::new(kind), way, 7);
        let found = udp::overall(&engine.view());
        assert_eq!(found.value, expected, "{manner:?}: {}", found.because);
        assert_eq!(translation::nat(&engine.view()).value, None);
        assert!(engine.now() <= Duration::from_secs(4), "{:?}", engine.now());
    }
}

#[test]
fn a_dead_server_delays_nobody() {
    let kind = kinds()[3];
    let alone = World::run(&[server(1, Manner::Discovery)], Nat::new(kind), NEAR, 1).now();
    let servers = [server(8, Manner::Dead), server(9, Manner::Dead), server(1, Manner::Discovery)];
    let beside = World::run(&servers, Nat::new(kind), NEAR, 1).now();
    assert!(beside < alone + Duration::from_millis(50), "{alone:?} alone, {beside:?} beside dead ones");
}
