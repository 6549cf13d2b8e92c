//! Each kind of site behaves as the catalogue says: asked by plain sockets, without STUN.

mod observe;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use icescope_natlab::{Behaviour, Facts, Lab, behaviours, with_lab};
use observe::{Far, observe};

/// All must agree: a behaviour that holds nine times out of ten would make a probe's test fail some day.
const REPEATS: usize = 10;

#[test]
fn every_behaviour_is_what_the_catalogue_says_ten_times_over() {
    with_lab(|lab| {
        std::thread::scope(|scope| {
            for behaviour in behaviours() {
                let name = behaviour.name;
                std::thread::Builder::new()
                    .name(name.to_owned())
                    .spawn_scoped(scope, || check(lab, behaviour))
                    .expect("a thread starts");
            }
        });
    });
}

fn check(lab: &Arc<Lab>, behaviour: Behaviour) {
    let Behaviour { name, plan, v4, v6 } = behaviour;
    let server = lab.server().unwrap_or_else(|error| panic!("{name}: {error}"));
    let site = lab.site(plan).unwrap_or_else(|error| panic!("{name}: {error}"));
    let made_in = site.made_in();
    let start = Instant::now();
    let addresses = site.addresses();
    let far_v4: Vec<IpAddr> = server.addresses().public_v4.iter().copied().map(IpAddr::V4).collect();
    let far_v6: Vec<IpAddr> = server.addresses().v6.iter().copied().map(IpAddr::V6).collect();
    assert_eq!(addresses.local_v4.is_empty(), v4.is_none(), "{name}: IPv4 where it should be");
    assert_eq!(addresses.v6.is_empty(), v6.is_none(), "{name}: IPv6 where it should be");
    let check = |local: Option<IpAddr>, far: &[IpAddr], expected: Option<Facts>| {
        let (Some(local), Some(mut expected)) = (local, expected) else { return };
        let far = Far::open(&server, far);
        for round in 0..REPEATS {
            assert_eq!(observe(&site, local, &far, &expected), expected, "{name}, {local}, round {round}");
            // It costs seconds, and is no matter of chance.
            expected.lifetime = None;
        }
    };
    check(addresses.local_v4.first().copied().map(IpAddr::V4), &far_v4, v4);
    check(addresses.v6.first().copied().map(IpAddr::V6), &far_v6, v6);
    println!("{name}: made in {made_in:.0?}, asked {REPEATS} times in {:.0?}", start.elapsed());
}
