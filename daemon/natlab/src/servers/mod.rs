//! Servers of the lab, each on a public host of its own.

mod coturn;
mod plain_stun;

pub use coturn::{Coturn, CoturnOptions};
pub use plain_stun::PlainStun;
