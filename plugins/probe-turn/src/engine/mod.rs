//! The TURN client as far as it can be had without sockets and clocks: what to send, and what an answer means.

pub mod channel;
pub mod client;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod window;
