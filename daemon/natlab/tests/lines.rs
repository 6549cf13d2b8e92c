//! Loss, delay and rate of the access line. The figures are printed; only what cannot depend on a busy machine is asserted.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use icescope_natlab::{Error, Family, Nat, Plan, Site, with_lab};

const PATIENCE: Duration = Duration::from_secs(10);

/// A socket on the site, and one on a server, with a path between them.
struct Path {
    near: UdpSocket,
    far: UdpSocket,
    _server: Site,
}

impl Path {
    fn of(site: &Site, server: Site) -> Self {
        let own = site.local_address();
        let to = if own.is_ipv4() { server.public_address() } else { server.addresses().v6[0].into() };
        let near = site.host().udp((own, 0)).expect("the host has this address");
        let far = server.host().udp((to, 7_000)).expect("the server has this address");
        near.connect((to, 7_000)).expect("there is a route");
        for socket in [&near, &far] {
            socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        }
        Self { near, far, _server: server }
    }

    /// How many of `count` packets of `size` bytes arrive, sent at once.
    ///
    /// Afterwards, with a perfect line again, a last one tells that no more will come.
    fn count(&self, count: usize, size: usize, perfect: impl FnOnce()) -> usize {
        let mut arrived = 0;
        let mut buffer = vec![0; size];
        self.far.set_nonblocking(true).expect("a socket can be made not to wait");
        for _ in 0..count {
            self.near.send(&vec![b'.'; size]).expect("it leaves");
            while self.far.recv(&mut buffer).is_ok() {
                arrived += 1;
            }
        }
        perfect();
        self.near.send(b"!").expect("it leaves");
        self.far.set_nonblocking(false).expect("a socket can be made to wait");
        while self.far.recv(&mut buffer).is_ok_and(|length| length != 1) {
            arrived += 1;
        }
        arrived
    }

    fn round_trip(&self) -> Duration {
        let start = Instant::now();
        self.near.send(b"ping").expect("it leaves");
        let mut buffer = [0; 16];
        let (_, from) = self.far.recv_from(&mut buffer).expect("it arrives");
        self.far.send_to(b"pong", from).expect("it leaves");
        self.near.recv(&mut buffer).expect("it arrives");
        start.elapsed()
    }
}

#[test]
fn loss_is_what_was_asked_for_and_can_be_changed() {
    with_lab(|lab| {
        let site = lab.site(Plan::from(Nat::eim()).loss(10.0)).expect("a site");
        let path = Path::of(&site, lab.server().expect("a server"));
        // The mapping stays while packets are lost.
        let lost_of = |percent: f64| {
            site.set_loss(percent).expect("loss can be changed");
            4_000 - path.count(4_000, 100, || site.set_loss(0.0).expect("loss can be changed"))
        };
        let perfect = || site.set_loss(0.0).expect("loss can be changed");
        let lost = 4_000 - path.count(4_000, 100, perfect);
        println!("10 % asked for: {:.1} % lost", lost as f64 / 40.0);
        // Six standard deviations to each side: one run in 500 million fails by chance.
        assert!((286..=514).contains(&lost), "{lost} of 4000");
        assert_eq!(lost_of(0.0), 0);
        assert_eq!(lost_of(100.0), 4_000);
    });
}

#[test]
fn a_rate_lets_no_more_through_and_can_be_lifted() {
    with_lab(|lab| {
        let site = lab.site(Plan::from(Nat::eim()).rate(1_000_000)).expect("a site");
        let path = Path::of(&site, lab.server().expect("a server"));
        let start = Instant::now();
        let lift = || site.set_rate(None).expect("a rate can be lifted");
        // 300 kB: 2.4 s at 1 Mbit/s. What does not fit into the queue of 50 ms is dropped.
        let arrived = path.count(300, 1_000, lift);
        println!("1 Mbit/s: {arrived} of 300 packets within {:.0?}", start.elapsed());
        assert!(arrived < 150, "{arrived} of 300 at 1 Mbit/s");
        assert!(arrived >= 3, "a rate is no wall: {arrived} of 300");
        assert_eq!(path.count(300, 1_000, || ()), 300);
        site.set_rate(None).expect("there is no rate to lift, and that is no error");
    });
}

#[test]
fn a_delay_holds_each_way_in_every_family_and_can_be_changed() {
    with_lab(|lab| {
        let delay = Duration::from_millis(40);
        for plan in [Plan::from(Nat::eim()), Plan::public(), Plan::public().family(Family::V6)] {
            let site = match lab.site(plan.delay(delay)) {
                Err(Error::Io { what, source }) if what.contains("TUN") && in_user_namespace() => {
                    eprintln!("SKIPPED: no delay here: natlab could not {what}: {source}");
                    return;
                }
                site => site.expect("a site"),
            };
            let server = lab.server().expect("a server");
            let path = Path::of(&site, server);
            let first = path.round_trip();
            site.set_delay(delay / 2).expect("a delay can be changed");
            let second = path.round_trip();
            println!("{delay:?} each way: round trip {first:.2?}; half of it: {second:.2?}");
            assert!(first >= delay * 2, "{first:?}");
            assert!(second >= delay, "{second:?}");
        }
        let without = lab.site(Nat::eim()).expect("a site");
        assert!(without.set_delay(delay).is_err(), "a site made without a delay cannot get one");
    });
}

/// Rootless, the device file of TUN may be closed to us.
fn in_user_namespace() -> bool {
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.contains("4294967295"))
}
