//! The WebRTC peer of the daemon and its wiretap: the only user of the `webrtc` crate.
//!
//! [`Peer`] answers offers, lets candidates in, and closes sessions. A session either plays a video source (one encoder per
//! source and format, shared by all viewers) or sends its own picture, which is measured and discarded. What happens is told
//! to an [`icescope_model::EventSink`].

#![forbid(unsafe_code)]

mod local_addresses;
mod media;
mod negotiate;
mod options;
mod peer;
mod remote_candidates;
mod session;
mod source;
mod stage;
pub mod tap;
mod tls;
mod uplink;

pub use local_addresses::own_addresses;
pub use options::{BitRates, Families, IceServer, MappedAddress, Mdns, Options, Policy};
pub use peer::{Peer, PeerError};
pub use source::{Controls, OpenStream, Sources};
pub use tls::{RootsError, roots_from_pem};
