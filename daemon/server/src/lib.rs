//! HTTP: signalling (WHEP, WHIP, `/offer`), the API, the live channel, the page. The only user of axum.
//!
//! Every request passes the doors (Host, Origin) first; every refusal is an [`icescope_model::api::ApiError`] as JSON.
//! The server keeps nothing of its own but session URLs and rates: what happened is in `evidence`'s records.
#![forbid(unsafe_code)]

mod app;
mod auth;
mod call;
mod doors;
mod error;
mod exchange;
mod live;
mod nat_info;
mod offer;
mod options;
mod page;
mod plugins;
mod probes;
mod resource;
mod resources;
mod sdp;
mod sdpfrag;
mod serve;
mod sessions;
mod tls;
mod whep;
mod whip;

pub use error::Error;
pub use options::{IceServers, Options, Tls, fixed_ice_servers};
pub use serve::{Handle, Server};
