//! An access line that takes its time: two TUN devices and two threads between them, for kernels without netem.
//!
//! The devices go when the line is dropped or the process ends.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tappers::{Interface, Tun};

use crate::error::{Error, Result};
use crate::namespace::Namespace;

/// Packets on the way, per direction: 100 Mbit/s of full packets for a second. More are dropped, as a line does.
const MOST_ON_THE_WAY: usize = 8_192;

/// Bytes of the largest packet that a TUN device hands over.
const LARGEST_PACKET: usize = 65_535;

#[derive(Debug)]
pub struct DelayLine {
    nanoseconds: Arc<AtomicU64>,
    /// Dropping it tells the threads to end.
    stop: Option<PipeWriter>,
    threads: Vec<JoinHandle<()>>,
}

impl DelayLine {
    /// Connects two namespaces; both devices are up afterwards.
    pub fn connect(one: (&Namespace, &str), other: (&Namespace, &str), delay: Duration) -> Result<Self> {
        let (here, there) = (Arc::new(device(one)?), Arc::new(device(other)?));
        let (heard, stop) = std::io::pipe().map_err(Error::io("make a pipe"))?;
        let mut line = Self { nanoseconds: Arc::default(), stop: Some(stop), threads: Vec::new() };
        line.set(delay);
        for (from, to) in [(Arc::clone(&here), Arc::clone(&there)), (there, here)] {
            let delay = Arc::clone(&line.nanoseconds);
            let stop = heard.try_clone().map_err(Error::io("clone a pipe"))?;
            let thread = std::thread::Builder::new()
                .name("delay line".to_owned())
                .spawn(move || carry(&from, &to, &delay, &stop))
                .map_err(Error::io("start the thread of a delay line"))?;
            line.threads.push(thread);
        }
        Ok(line)
    }

    /// Packets that enter from now on take so long. Those on the way are not overtaken.
    pub fn set(&self, delay: Duration) {
        self.nanoseconds.store(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Drop for DelayLine {
    fn drop(&mut self) {
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            // It panicked if this fails: its message is out, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

fn device((namespace, name): (&Namespace, &str)) -> Result<Tun> {
    let tun = namespace.run(|| -> std::io::Result<Tun> {
        let mut tun = Tun::new_named(Interface::new(name)?)?;
        tun.set_nonblocking(true)?;
        Ok(tun)
    })?;
    let tun = tun.map_err(Error::io("make a TUN device (is /dev/net/tun there, and open to this user?)"))?;
    namespace.ip(&format!("link set {name} up\n"))?;
    Ok(tun)
}

fn carry(from: &Tun, to: &Tun, delay: &AtomicU64, stop: &PipeReader) {
    let mut on_the_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut buffer = vec![0; LARGEST_PACKET];
    loop {
        let now = Instant::now();
        while on_the_way.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, packet)) = on_the_way.pop_front() {
                // A full or vanished device loses packets, as a line does.
                let _ = to.send(&packet);
            }
        }
        let wait = on_the_way.front().map(|(due, _)| due.saturating_duration_since(now));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut descriptors =
            [PollFd::from_borrowed_fd(from.as_fd(), PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let polled = poll(&mut descriptors, wait.as_ref());
        if !descriptors[1].revents().is_empty() || polled.is_err_and(|errno| errno != rustix::io::Errno::INTR)
        {
            return;
        }
        while let Ok(length) = from.recv(&mut buffer) {
            if on_the_way.len() < MOST_ON_THE_WAY {
                let due = Instant::now() + Duration::from_nanos(delay.load(Ordering::Relaxed));
                on_the_way.push_back((due, buffer[..length].to_vec()));
            }
        }
    }
}
