//! The control socket: a stream socket pair; descriptors travel beside the commands that need them.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::proto::{Command, Decoder};

/// Descriptors beside one command at most.
const MAX_DESCRIPTORS: usize = 2;

/// A connected pair, closed on exec.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (a, b) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    Ok((UnixStream::from(a), UnixStream::from(b)))
}

/// Sends the beginning of `bytes`, with `descriptors` beside it if there are any; how many bytes went.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors beside one command"));
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(sent)
}

/// Lets the runtime tell when a descriptor becomes readable.
pub(crate) fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor stays open, and the same one, for as long as the `AsyncFd` holds it.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

/// The driver's end: commands with their descriptors, read by a thread that may wait.
#[derive(Debug)]
pub(crate) struct CommandReader {
    socket: UnixStream,
    decoder: Decoder,
    descriptors: VecDeque<OwnedFd>,
}

impl CommandReader {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, decoder: Decoder::default(), descriptors: VecDeque::new() }
    }

    /// The next command; `None` once the daemon's end is gone.
    pub(crate) fn next(&mut self) -> io::Result<Option<(Command, Vec<OwnedFd>)>> {
        loop {
            if let Some(command) = self.decoder.next::<Command>().map_err(io::Error::other)? {
                // They came with the command's first byte, so they are here.
                let count = command.descriptors().min(self.descriptors.len());
                return Ok(Some((command, self.descriptors.drain(..count).collect())));
            }
            if self.receive()? == 0 {
                return Ok(None);
            }
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match rustix::net::recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut beside,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(rustix::io::Errno::INTR) => {}
                // The daemon died with unread notes in its buffer: gone is gone.
                Err(rustix::io::Errno::CONNRESET) => return Ok(0),
                other => break other?.bytes,
            }
        };
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        self.decoder.push(&bytes[..received]);
        Ok(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::encode;

    #[test]
    fn descriptors_arrive_with_the_command_that_they_belong_to() {
        let (daemon, driver) = pair().unwrap();
        let (kept, other) = pair().unwrap();
        let start = encode(&Command::Start { format: 3 }).unwrap();
        send(&daemon, &encode(&Command::Formats).unwrap(), &[]).unwrap();
        send(&daemon, &start, &[kept.as_fd(), other.as_fd()]).unwrap();
        send(&daemon, &encode(&Command::Cancel).unwrap(), &[]).unwrap();
        drop(daemon);
        let mut reader = CommandReader::new(driver);
        let mut got = Vec::new();
        while let Some((command, descriptors)) = reader.next().unwrap() {
            got.push((command.name(), descriptors.len()));
        }
        assert_eq!(got, [("formats", 0), ("start", 2), ("cancel", 0)]);
    }
}
