//! A way for signalling that ICE cannot take: TCP from the loopback of one host to an address of another, as `ssh -L` does it.
//!
//! There is no interface that a candidate could be gathered from, and no packet of it passes the lab's internet. To a browser
//! `http://127.0.0.1:PORT` is a secure context, too.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::shutdown;

use crate::error::{Error, Result};
use crate::namespace::Namespace;

/// Connections kept at one time; the oldest one makes room. A browser opens a handful.
const MOST_CONNECTIONS: usize = 128;

/// How long the far end may take to accept: it is on the same machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An open tunnel; dropping it ends its connections.
#[derive(Debug)]
pub struct Tunnel {
    address: SocketAddr,
    listener: TcpListener,
    acceptor: Option<JoinHandle<()>>,
}

/// Both ends of one connection, and the two threads between them.
struct Connection {
    ends: [TcpStream; 2],
    threads: [JoinHandle<()>; 2],
}

impl Tunnel {
    /// Leads connections to a free port of `from`'s loopback on to `target`, as `to` reaches it: often its loopback, too.
    pub fn open(from: &Namespace, to: &Namespace, target: SocketAddr) -> Result<Self> {
        Self::open_at(from, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), to, target)
    }

    /// The same with a given listening address.
    pub fn open_at(from: &Namespace, listen: SocketAddr, to: &Namespace, target: SocketAddr) -> Result<Self> {
        let listener = from.tcp_listener(listen)?;
        let address = listener.local_addr().map_err(Error::io("ask a listener for its address"))?;
        let (accepting, inside) = (listener.try_clone(), to.clone());
        let accepting = accepting.map_err(Error::io("clone a listener"))?;
        let acceptor = std::thread::Builder::new()
            .name("tunnel".to_owned())
            .spawn(move || {
                if inside.enter().is_ok() {
                    accept(&accepting, target);
                }
            })
            .map_err(Error::io("start the thread of a tunnel"))?;
        Ok(Self { address, listener, acceptor: Some(acceptor) })
    }

    /// Where it listens, on the host that it was opened from.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // It wakes the acceptor up, and holds for every copy of the descriptor: a process that another thread is just starting
        // has one for a moment.
        let ended = shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(acceptor) = self.acceptor.take()
            && ended.is_ok()
        {
            // It panicked if this fails: its message is out, and there is nobody left to tell.
            let _ = acceptor.join();
        }
    }
}

/// Until the listener is shut down.
fn accept(listener: &TcpListener, target: SocketAddr) {
    let mut open: VecDeque<Connection> = VecDeque::new();
    while let Ok((near, _)) = listener.accept() {
        open.retain(|one| !one.threads.iter().all(JoinHandle::is_finished));
        if open.len() == MOST_CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.end();
        }
        // Where nobody listens, the connection is closed at once: what `ssh -L` does.
        if let Ok(connection) =
            TcpStream::connect_timeout(&target, CONNECT_TIMEOUT).and_then(|far| Connection::start(near, far))
        {
            open.push_back(connection);
        }
    }
    open.into_iter().for_each(Connection::end);
}

impl Connection {
    fn start(near: TcpStream, far: TcpStream) -> std::io::Result<Self> {
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let threads =
            [carry(near.try_clone()?, far.try_clone()?), carry(far.try_clone()?, near.try_clone()?)];
        Ok(Self { ends: [near, far], threads })
    }

    fn end(self) {
        for end in &self.ends {
            // It may be closed already.
            let _ = end.shutdown(Shutdown::Both);
        }
        for thread in self.threads {
            // It panicked if this fails: its message is out, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) -> JoinHandle<()> {
    std::thread::spawn(move || {
        // However it ends, the other side is told that no more will come.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    })
}
