//! What a fuzzer calls: whatever comes from the network goes through here and must neither panic nor stall.

use crate::message::{Key, Message};
use crate::stream::frames::Frames;

/// Reads `data` as a datagram and as a stream, and asks for all there is in it.
pub fn fuzz_one(data: &[u8]) {
    if let Ok(message) = Message::decode(data) {
        ask(&message);
    }
    let mut frames = Frames::default();
    for part in data.chunks(7) {
        frames.push(part);
        while let Ok(Some(frame)) = frames.next() {
            if let Ok(message) = Message::decode(&frame.bytes) {
                ask(&message);
            }
        }
    }
}

fn ask(message: &Message) {
    let _ =
        (message.mapped(), message.other_address(), message.response_origin(), message.alternate_server());
    let _ = (message.relayed_addresses().count(), message.peer_address(), message.lifetime());
    let _ = (message.channel_number(), message.data(), message.software(), message.realm(), message.nonce());
    let _ = (message.error(), message.unknown_attributes(), message.check_fingerprint());
    for malformed in message.malformed() {
        let _ = malformed.to_string();
    }
    if let Ok(key) = Key::short_term("fuzz") {
        let _ = message.check_integrity(&key);
    }
}
