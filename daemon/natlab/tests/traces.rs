//! A lab is made quickly, does not see its neighbours, and leaves nothing behind.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use icescope_natlab::{CoturnOptions, Filtering, Lab, Nat, Plan, Process, Tunnel, with_lab};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A pause between two looks at what the kernel takes down in its own time, and how many looks there are.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS: usize = 1_000;

#[test]
fn sites_of_every_kind_are_made_and_their_times_printed() {
    with_lab(|lab| {
        let kinds: [(&str, Plan); 4] = [
            ("public", Plan::public()),
            ("NAT", Nat::eim().filtering(Filtering::Adf).into()),
            ("double NAT", Plan::double_nat(Nat::eim(), Nat::eim())),
            ("NAT with delay", Plan::from(Nat::eim()).delay(Duration::from_millis(1))),
        ];
        let start = Instant::now();
        drop(Lab::new().expect("another lab"));
        println!("an empty lab: {:.0?}", start.elapsed());
        for (name, plan) in kinds {
            match lab.site(plan) {
                Ok(site) => println!("{name}: {:.0?}", site.made_in()),
                // Rootless, the device file of TUN may be closed to us.
                Err(error) => println!("{name}: {error}"),
            }
        }
        let start = Instant::now();
        let coturn = lab.coturn(&CoturnOptions::default()).expect("coturn starts");
        println!("coturn and its host: {:.0?}", start.elapsed());
        drop(coturn);
    });
}

/// Interfaces inside a namespace, as `ip` counts them.
fn interfaces(lab: &Lab) -> Vec<String> {
    let output = lab.internet().command("ip").args(["-brief", "link"]).output().expect("ip runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split([' ', '@']).next()).map(str::to_owned).collect()
}

#[test]
fn a_site_that_is_dropped_is_gone_from_the_internet() {
    with_lab(|lab| {
        let before = interfaces(lab);
        assert_eq!(before, ["lo"]);
        let site = lab.site(Nat::eim()).expect("a site");
        assert_eq!(interfaces(lab).len(), 2);
        drop(site);
        // The kernel takes a namespace down in the background, and tells nobody when it is done.
        let gone = (0..LOOKS).any(|_| {
            std::thread::sleep(LOOK_EVERY);
            interfaces(lab) == before
        });
        assert!(gone, "{:?}", interfaces(lab));
    });
}

#[test]
fn labs_side_by_side_do_not_see_each_other() {
    with_lab(|lab| {
        let neighbour = Lab::new().expect("another lab");
        let (here, there) = (lab.server().expect("a host"), neighbour.server().expect("a host"));
        assert_eq!(here.public_address(), there.public_address(), "the same addresses, in different worlds");
        let heard = there.host().udp((there.public_address(), 7_000)).expect("it has this address");
        let own = here.host().udp((here.public_address(), 7_000)).expect("it has this address");
        let guest = lab.site(Plan::public()).expect("a site");
        let from = guest.host().udp((guest.public_address(), 0)).expect("it has this address");
        from.send_to(b"who hears this?", (here.public_address(), 7_000)).expect("it leaves");
        own.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out can be set");
        assert_eq!(own.recv(&mut [0; 64]).expect("it arrives"), 15);
        heard.set_nonblocking(true).expect("a socket can be made not to wait");
        assert_eq!(heard.recv(&mut [0]).expect_err("nothing arrives").kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_tunnel_leads_from_loopback_to_loopback_and_ends_with_its_handle() {
    with_lab(|lab| {
        let (browser, daemon) =
            (lab.site(Nat::apdm()).expect("a site"), lab.site(Nat::eim()).expect("a site"));
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = daemon.host().tcp_listener(loopback).expect("it listens");
        let target = listener.local_addr().expect("it has an address");
        let tunnel = Tunnel::open(browser.host(), daemon.host(), target).expect("a tunnel");
        let address = tunnel.address();
        let mut near = browser.run(|| TcpStream::connect(address)).expect("a thread").expect("it is open");
        let (mut far, _) = listener.accept().expect("it arrives");
        near.write_all(b"offer").expect("it leaves");
        let mut said = [0; 5];
        far.read_exact(&mut said).expect("it arrives");
        assert_eq!(&said, b"offer");
        far.write_all(b"reply").expect("it leaves");
        near.read_exact(&mut said).expect("it arrives");
        assert_eq!(&said, b"reply");
        drop(tunnel);
        assert_eq!(near.read(&mut said).expect("it ends in order"), 0);
        let again = browser.run(|| TcpStream::connect(address)).expect("a thread");
        assert_eq!(again.expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_program_on_a_host_ends_with_its_handle() {
    with_lab(|lab| {
        let site = lab.site(Plan::public()).expect("a site");
        let mut command = site.command("cat");
        // Nobody writes to it: it waits.
        command.stdin(Stdio::piped());
        let mut sleeper = Process::start(command).expect("cat starts");
        let pid = Pid::from_child(sleeper.child());
        let watched = pidfd_open(pid, PidfdFlags::empty()).expect("it runs");
        drop(sleeper);
        assert!(ended(&watched, Duration::ZERO), "the process is gone when its handle is");
    });
}

fn ended(process: impl AsFd, within: Duration) -> bool {
    let mut descriptors = [PollFd::new(&process, PollFlags::IN)];
    let wait = Timespec::try_from(within).expect("a short time");
    poll(&mut descriptors, Some(&wait)).expect("a process can be waited for") == 1
}

/// Names the test below in the environment of the process that it kills.
const VICTIM: &str = "ICESCOPE_LAB_VICTIM";

#[test]
fn a_killed_test_leaves_no_process_behind() {
    if std::env::var_os(VICTIM).is_some() {
        return with_lab(|lab| {
            let coturn = lab.coturn(&CoturnOptions::default()).expect("coturn starts");
            println!("\ncoturn is {}", coturn.id().expect("it runs"));
            // Until it is killed: its input never ends before.
            let _ = std::io::stdin().read(&mut [0]);
        });
    }
    with_lab(|_| {
        // A killed process cannot remove its files: those of coturn go with this folder.
        let folder = tempfile::tempdir().expect("a folder");
        let mut victim = Command::new(std::env::current_exe().expect("this test is a program"))
            .args(["a_killed_test_leaves_no_process_behind", "--exact", "--nocapture"])
            .env(VICTIM, "1")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test starts once more");
        let output = BufReader::new(victim.stdout.take().expect("its output is piped"));
        let coturn = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("coturn is ")?.parse().ok())
            .expect("it tells its coturn");
        let coturn = pidfd_open(Pid::from_raw(coturn).expect("a process"), PidfdFlags::empty());
        let coturn = coturn.expect("coturn runs");
        assert!(!ended(&coturn, Duration::ZERO));
        victim.kill().expect("it can be killed");
        victim.wait().expect("it ends");
        assert!(ended(&coturn, Duration::from_secs(10)), "coturn outlived the test that started it");
    });
}

#[test]
fn without_root_a_test_runs_in_a_user_namespace_of_its_own() {
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let as_nobody = |program: &std::ffi::OsStr| {
        let mut command = Command::new("setpriv");
        command.args(nobody).arg(program);
        // A skip is to be seen here, not to be a failure inside.
        command.env_remove(icescope_natlab::ENVIRONMENT).stdin(Stdio::null());
        command
    };
    let program = std::env::current_exe().expect("this test is a program");
    // Only root can become somebody else, and a clone in root's home is closed to others.
    let listed = as_nobody(program.as_os_str()).arg("--list").output().expect("setpriv starts");
    if !listed.status.success() {
        let why = String::from_utf8_lossy(&listed.stderr).trim().to_owned();
        eprintln!("SKIPPED: nobody cannot start this test, so that it is not shown without root: {why}");
        return;
    }
    let output = as_nobody(program.as_os_str())
        .args(["labs_side_by_side_do_not_see_each_other", "--exact", "--nocapture"])
        .output()
        .expect("setpriv starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    if said.contains("SKIPPED") {
        eprintln!("{said}");
        return;
    }
    // Once inside the user namespace, once around it.
    assert_eq!(said.matches("1 passed").count(), 2, "{said}");
}
