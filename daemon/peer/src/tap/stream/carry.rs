//! The task under one stream: opens it, writes what is to be sent, reads what comes, and tells how it ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::Level;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::path::Stamp;
use super::failure::{Failure, Step};
use super::frames::Splitter;
use super::link::{Arrived, Ends, Shared};
use super::open::{Opened, Stream, open};
use super::told;

/// Messages that are written in one go: fewer TLS records and system calls for a frame of many packets.
const BATCH: usize = 32;
/// One read: more than any message of the usual size.
const READ: usize = 16 * 1024;
/// How long the last messages, the release of the allocation among them, may take to go out when the session is over.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Carries messages until the stream ends or nobody uses it any more (`gone`).
pub async fn carry(
    shared: Arc<Shared>,
    to_send: mpsc::Receiver<Vec<u8>>,
    came: mpsc::Sender<Arrived>,
    gone: CancellationToken,
) {
    let (scope, sink) = (shared.state.scope, &shared.state.sink);
    let (server, from) = (&shared.server, shared.from);
    let opening = open(server, from, |progress| sink.send(told::progress(scope, server, from, &progress)));
    let opened = tokio::select! {
        opened = opening => opened,
        () = gone.cancelled() => return,
    };
    let Opened { stream, local, remote } = match opened {
        Some(Ok(opened)) => opened,
        Some(Err((remote, failure))) => {
            let told = told::failed(scope, server, from, remote, &failure);
            // As with UDP, each address tries for itself, and those of bridges and tunnels as a rule in vain.
            let another = shared.has_another_way();
            sink.send(if another {
                told.level(Level::Info).with("otherAddressConnected", true)
            } else {
                told
            });
            return shared.over(failure);
        }
        None => {
            sink.send(told::no_such_family(scope, server, from));
            return shared.over(Failure::new(
                Step::Tcp,
                "no-address",
                "the server has no address of this family",
            ));
        }
    };
    let ends = Ends { local, remote, protocol: server.protocol() };
    shared.state.servers.learn_url(ends.protocol, remote, &server.url);
    let waiting = shared.opened(ends);
    // In one task: what a read brings cannot be noted before the request that was written.
    let (reader, writer) = tokio::io::split(stream);
    let ended = tokio::select! {
        ended = read(reader, ends, came) => ended,
        ended = write(writer, waiting, to_send, &gone) => ended,
    };
    if let Err(failure) = ended {
        if !gone.is_cancelled() {
            let dropped = shared.dropped();
            sink.send(
                told::failed(scope, server, from, Some(remote), &failure).with("packetsDropped", dropped),
            );
        }
        shared.over(failure);
    }
}

async fn read(
    mut reader: ReadHalf<Box<dyn Stream>>,
    ends: Ends,
    came: mpsc::Sender<Arrived>,
) -> Result<(), Failure> {
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; READ];
    let mut whole = Vec::new();
    loop {
        let length = reader.read(&mut buffer).await.map_err(|error| Failure::io(Step::Carrying, &error))?;
        if length == 0 {
            return Err(Failure::io(Step::Carrying, &io::ErrorKind::UnexpectedEof.into()));
        }
        let stamp = Stamp::read();
        splitter.feed(&buffer[..length], |message| whole.push(message.to_vec())).map_err(|_| {
            Failure::new(
                Step::Carrying,
                "not-turn",
                "what came back is no TURN: is that a TURN server's port?",
            )
        })?;
        for bytes in whole.drain(..) {
            if came.send(Arrived { stamp, ends, bytes }).await.is_err() {
                // Nobody listens: the session is over, and the writer has the last word.
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn write(
    mut writer: WriteHalf<Box<dyn Stream>>,
    waiting: Vec<Vec<u8>>,
    mut to_send: mpsc::Receiver<Vec<u8>>,
    gone: &CancellationToken,
) -> Result<(), Failure> {
    let writing = async {
        put(&mut writer, &waiting).await?;
        let mut batch = Vec::with_capacity(BATCH);
        // Ends when nobody can send any more and all is out.
        while to_send.recv_many(&mut batch, BATCH).await > 0 {
            put(&mut writer, &batch).await?;
            batch.clear();
        }
        // With TLS this says close_notify; then TCP's end.
        writer.shutdown().await
    };
    let late = async {
        gone.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        done = writing => done.map_err(|error| Failure::io(Step::Carrying, &error)),
        () = late => Ok(()),
    }
}

async fn put(writer: &mut WriteHalf<Box<dyn Stream>>, messages: &[Vec<u8>]) -> io::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    writer.write_all(&messages.concat()).await?;
    writer.flush().await
}
