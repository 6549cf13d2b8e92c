//! STUN over TCP and TLS, only to see who lives.

use std::net::SocketAddr;
use std::time::Instant;

use icescope_probe_kit::message::Request;
use icescope_probe_kit::observe::Watch;
use icescope_probe_kit::stream::{self, Connection, TrustAnchors};
use icescope_probe_kit::url::Host;

use super::STREAM_LIMIT;
use crate::engine::streams::{Carrier, StreamEnd};

/// What connections need to know.
#[derive(Debug)]
pub struct Streams<'a> {
    /// Host names of the servers, by their number: certificates are issued for names.
    pub hosts: Vec<Host>,
    /// Whom to trust.
    pub anchors: &'a TrustAnchors,
}

impl Streams<'_> {
    /// One attempt.
    pub async fn attempt(
        &self,
        server: usize,
        to: SocketAddr,
        carrier: Carrier,
        watch: &dyn Watch,
    ) -> StreamEnd {
        let start = Instant::now();
        let connection = match carrier {
            Carrier::Tcp => {
                Connection::tcp(to, STREAM_LIMIT).await.map(|connection| (None, Some(connection)))
            }
            Carrier::Tls => {
                let host = self.hosts.get(server).cloned().unwrap_or(Host::Ip(to.ip()));
                let tls = stream::connect(to, &host, self.anchors, STREAM_LIMIT).await;
                tls.map(|(facts, connection)| (facts.error.map(|error| error.words), connection))
            }
        };
        let connection = match connection {
            Ok((_, Some(connection))) => connection,
            Ok((why, None)) => return StreamEnd::Opened(why.unwrap_or_default()),
            Err(error) if error.kind == std::io::ErrorKind::ConnectionRefused => return StreamEnd::Refused,
            Err(error) => return StreamEnd::Failed(error.to_string()),
        };
        let left = STREAM_LIMIT.saturating_sub(start.elapsed());
        let request = match Request::binding().encode() {
            Ok(request) => request,
            Err(error) => return StreamEnd::Failed(error.to_string()),
        };
        let exchange = connection.transact(&request, left, watch).await;
        match exchange.answer {
            Some(answer) => {
                StreamEnd::Answered { mapped: answer.message.mapped().map(|mapped| mapped.address) }
            }
            None => StreamEnd::Opened(match exchange.error {
                Some(error) => error.to_string(),
                None => "the connection opened, but no STUN answer came".to_owned(),
            }),
        }
    }
}
