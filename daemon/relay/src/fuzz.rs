//! What a fuzzer is pointed at: nothing that comes from a network may panic, stall or answer too much. The corpus in
//! `tests/corpus` is replayed by the tests.

use std::net::SocketAddr;

use icescope_model::Monotonic;

use crate::auth::Authority;
use crate::server::{Discovery, Limits, NoPort, Opened, Outcome, Ports, Server, Wanted};
use crate::tuple::{FiveTuple, Now, Transport};
use crate::wire::frame;
use crate::wire::read::Message;

/// Reads bytes in every way that the relay reads them, and has a server answer them as a stranger's.
pub fn one(bytes: &[u8]) {
    read(bytes);
    answer(bytes);
}

pub(crate) fn read(bytes: &[u8]) {
    let _ = frame::channel_data(bytes);
    let mut rest = bytes;
    while let frame::Next::Message { length, taken } = frame::next(rest) {
        assert!(length <= taken && taken <= rest.len() && taken > 0);
        rest = &rest[taken..];
    }
    let Some(message) = Message::parse(bytes) else { return };
    for attribute in message.attributes() {
        assert_eq!(&bytes[attribute.offset..attribute.offset + attribute.value.len()], attribute.value);
        let _ = (
            message.xor_address(attribute.kind),
            message.number(attribute.kind),
            message.text(attribute.kind),
        );
    }
    let _ = (
        message.is_whole(),
        message.is_misprinted(),
        message.is_signed_with(b"key"),
        message.peers().count(),
    );
}

/// No relayed addresses: a stranger gets none.
struct NoPorts;

impl Ports for NoPorts {
    type Port = ();

    fn open(&mut self, _: &FiveTuple, _: Wanted) -> Result<Opened<()>, NoPort> {
        unreachable!("a stranger has no credential that opens a port")
    }
}

fn answer(bytes: &[u8]) {
    let authority = Authority::new([1; 32], [2; 32], "icescope".to_owned());
    let mut server = Server::new(authority, Limits { quota: 1, allocations: 1 }, 0);
    let addresses = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
    server.set_discovery(vec![Discovery { addresses, ports: [3478, 3479] }]);
    let now = Now { monotonic: Monotonic(1_000_000_000), unix: 1_800_000_000 };
    let via = FiveTuple {
        client: SocketAddr::from(([198, 51, 100, 9], 5000)),
        server: SocketAddr::from(([192, 0, 2, 1], 3478)),
        transport: Transport::Udp,
    };
    match server.handle(now, via, bytes, &mut NoPorts) {
        // IP and UDP headers count (28 bytes).
        Outcome::Answer(reply) => assert!(2 * (reply.bytes.len() + 28) <= 3 * (bytes.len() + 28)),
        Outcome::Nothing => {}
        Outcome::ToPeer { .. } | Outcome::ToClient { .. } => unreachable!("a stranger is not relayed for"),
    }
    assert_eq!(server.allocations(), 0);
}
