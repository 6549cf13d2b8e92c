//! Opening a stream to a TURN server: its name, TCP from one of the daemon's addresses, TLS on top.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion};

use super::StreamServer;
use super::failure::{Failure, Step};

/// How long one step may take with one address. The crate gives an Allocate up after about eight seconds: what takes longer
/// than this would find nobody waiting.
const STEP: Duration = Duration::from_secs(4);

/// What a stream is to the one that carries messages over it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Something that happened on the way, to be told.
#[derive(Debug)]
pub enum Progress<'a> {
    /// TCP is up.
    Connected { local: SocketAddr, remote: SocketAddr, took: Duration },
    /// TLS is up.
    Secured { local: SocketAddr, remote: SocketAddr, took: Duration, version: &'static str },
    /// An address failed, and there is another to try.
    Missed { remote: SocketAddr, failure: &'a Failure },
}

/// A stream that is up.
pub struct Opened {
    /// The stream.
    pub stream: Box<dyn Stream>,
    /// Its own end.
    pub local: SocketAddr,
    /// The server.
    pub remote: SocketAddr,
}

/// Why none came about, and at which address if it got so far.
pub type Refused = (Option<SocketAddr>, Failure);

/// Opens a stream from a local address. `None`: the server has no address of that family, which is no failure.
pub async fn open(
    server: &StreamServer,
    from: IpAddr,
    mut tell: impl FnMut(Progress<'_>),
) -> Option<Result<Opened, Refused>> {
    let addresses = match resolve(server).await {
        Ok(addresses) => addresses,
        Err(failure) => return Some(Err((None, failure))),
    };
    let mut addresses =
        addresses.into_iter().filter(|address| address.is_ipv4() == from.is_ipv4()).peekable();
    while let Some(remote) = addresses.next() {
        match open_one(server, from, remote, &mut tell).await {
            Ok(opened) => return Some(Ok(opened)),
            Err(failure) if addresses.peek().is_some() => {
                tell(Progress::Missed { remote, failure: &failure });
            }
            Err(failure) => return Some(Err((Some(remote), failure))),
        }
    }
    None
}

async fn resolve(server: &StreamServer) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(ip) = server.ip() {
        return Ok(vec![SocketAddr::new(ip, server.port)]);
    }
    let name = &server.host;
    let unresolved = |why: String| {
        Failure::new(
            Step::Tcp,
            "name-not-resolved",
            format!("the name «{name}» could not be resolved: {why}"),
        )
    };
    match timeout(STEP, lookup_host((name.as_str(), server.port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => Err(unresolved(error.to_string())),
        Err(_) => Err(unresolved("the name server did not answer in time".to_owned())),
    }
}

async fn open_one(
    server: &StreamServer,
    from: IpAddr,
    remote: SocketAddr,
    tell: &mut impl FnMut(Progress<'_>),
) -> Result<Opened, Failure> {
    let began = Instant::now();
    let stream = match timeout(STEP, connect(from, remote)).await {
        Ok(done) => done.map_err(|error| Failure::io(Step::Tcp, &error))?,
        Err(_) => return Err(Failure::timed_out(Step::Tcp)),
    };
    let local = stream.local_addr().map_err(|error| Failure::io(Step::Tcp, &error))?;
    tell(Progress::Connected { local, remote, took: began.elapsed() });
    let Some(config) = &server.tls else { return Ok(Opened { stream: Box::new(stream), local, remote }) };
    let began = Instant::now();
    let stream = secure(config, &server.host, stream).await?;
    let version = match stream.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    tell(Progress::Secured { local, remote, took: began.elapsed(), version });
    Ok(Opened { stream: Box::new(stream), local, remote })
}

async fn connect(from: IpAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // From the address that the candidates of this stream stand for, as with UDP.
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(remote).await?;
    // Messages are small and wait for nothing.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn secure(
    config: &Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| {
        Failure::new(
            Step::Tls,
            "certificate-wrong-name",
            format!("«{host}» is no name for a certificate: {error}"),
        )
    })?;
    match timeout(STEP, TlsConnector::from(Arc::clone(config)).connect(name, stream)).await {
        Ok(done) => done.map_err(|error| Failure::io(Step::Tls, &error)),
        Err(_) => Err(Failure::timed_out(Step::Tls)),
    }
}
