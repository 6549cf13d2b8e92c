//! What a fuzzer is pointed at: nothing that comes from a network may panic, stall or answer too much. The corpus in
//! `tests/corpus` is replayed by the tests.

use crate::wire::frame;
use crate::wire::read::Message;

/// Reads bytes in every way that the relay reads them.
pub fn read(bytes: &[u8]) {
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
