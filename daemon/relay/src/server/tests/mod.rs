//! The server, request by request.

mod allocate;
mod binding;
mod doors;
mod relaying;
