//! The whole plugin, driven through the contract's raw tables, against Debian's coturn: each cause is provoked and has
//! to be named, what works has to pass, and nothing may stay allocated.

mod causes;
mod path;
mod probe;
mod release;
mod server;
mod tls;
