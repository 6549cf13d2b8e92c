//! A check of somebody who knows a user name and nothing else.

/// An unsigned Binding request with a user name.
pub fn stray_check(username: &str) -> Vec<u8> {
    let mut padded = username.as_bytes().to_vec();
    padded.resize(padded.len().next_multiple_of(4), 0);
    let mut message = vec![0, 1];
    message.extend((padded.len() as u16 + 4).to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend([5; 12]);
    message.extend([0, 6]);
    message.extend((username.len() as u16).to_be_bytes());
    message.extend(padded);
    message
}
