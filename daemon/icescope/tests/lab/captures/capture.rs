//! A capture at one host of the lab.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use icescope_natlab::{Process, Site};

use super::packet::{Packet, packet};
use super::pcapng;

/// Only a dumpcap that hangs needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A capture under way, of all UDP at the host's interface and inside it.
pub struct Capture {
    process: Process,
    said: std::thread::JoinHandle<String>,
    folder: tempfile::TempDir,
    own: Vec<IpAddr>,
}

/// What was captured, in order.
pub struct Captured {
    /// The packets.
    pub packets: Vec<Packet>,
}

impl Capture {
    /// Begins; returns when packets are taken.
    pub fn start(site: &Site) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = site.command("dumpcap");
        // A DTLS flight is read to its last record; a big buffer keeps the kernel from dropping.
        command.args(["-i", "eth0", "-f", "udp", "-i", "lo", "-f", "udp", "-s", "2048", "-B", "16", "-w"]);
        command.arg(folder.path().join("host.pcapng"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Process::start(command).expect("dumpcap starts (Debian: wireshark-common)");
        let errors = process.child().stderr.take().expect("it is a pipe");
        let (up, is_up) = sync_channel(1);
        let said = std::thread::spawn(move || {
            let mut all = String::new();
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if line.starts_with("File: ") {
                    let _ = up.try_send(());
                }
                all.push_str(&line);
                all.push('\n');
            }
            all
        });
        let (v4, v6) = (site.addresses().local_v4.iter(), site.addresses().v6.iter());
        let own = v4.copied().map(IpAddr::V4).chain(v6.copied().map(IpAddr::V6)).collect();
        let capture = Self { process, said, folder, own };
        if is_up.recv_timeout(PATIENCE).is_err() {
            drop(capture.process);
            panic!("dumpcap did not begin: {}", capture.said.join().unwrap_or_default());
        }
        capture
    }

    /// Ends it.
    pub fn finish(mut self) -> Captured {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success(), "dumpcap has ended");
        self.process.child().wait().unwrap();
        let said = self.said.join().unwrap();
        // «Packets received/dropped on interface 'eth0': 1234/0 (pcap:0/dumpcap:0/flushed:0/ps_ifdrop:0) (100.0%)»
        assert!(said.contains("(100.0%)"), "the capture is not whole: {said}");
        let file = std::fs::read(self.folder.path().join("host.pcapng")).unwrap();
        let mut packets: Vec<Packet> =
            pcapng::frames(&file).iter().flat_map(|frame| packet(frame, &self.own)).collect();
        packets.sort_by_key(|packet| packet.at);
        Captured { packets }
    }
}
