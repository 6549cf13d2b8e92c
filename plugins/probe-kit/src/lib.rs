//! What the measuring plugins share.
//!
//! The pure parts decide: [`url`] reads server URIs, [`message`] builds and reads STUN messages, [`transaction`] says
//! when to send again and when to give up, [`stream::frames`] cuts a stream into messages. The others are the shell
//! around them: [`runtime`] ends with the run, [`dns`] looks names up, [`udp`] and [`stream`] carry messages, and
//! [`observe`] tells the host of every packet.
//!
//! ```no_run
//! use icescope_plugin_sdk::{Error, Lane, Outcome, Run};
//! use icescope_probe_kit::{message::Request, observe::Observer, runtime, transaction::Schedule, udp::Socket};
//!
//! fn measure(run: &Run<'_>) -> Result<Outcome, Error> {
//!     runtime::block_on(run, async |context| {
//!         let server = "192.0.2.1:3478".parse().map_err(|_| Error::failed("no address"))?;
//!         let socket = Socket::connect(server).await.map_err(|error| Error::failed(error.to_string()))?;
//!         let request = Request::binding().encode().map_err(|error| Error::failed(error.to_string()))?;
//!         let observer = Observer::new(context.run(), Lane::Stun);
//!         let exchange = socket.transact(&request, server, Schedule::default(), &observer).await;
//!         Ok(if exchange.answer.is_some() { Outcome::Pass } else { Outcome::Failed })
//!     })
//! }
//! ```
#![forbid(unsafe_code)]

pub mod args;
pub mod clock;
pub mod demux;
pub mod dns;
pub mod exchange;
pub mod fuzz;
pub mod message;
pub mod observe;
pub mod runtime;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transaction;
pub mod udp;
pub mod url;

/// The attributes of stun-rs, to be put into requests.
pub use stun_rs::attributes;
