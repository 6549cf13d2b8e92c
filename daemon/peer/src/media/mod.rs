//! The way of a frame: one encoder per source and format, packetised once, fanned out to all viewers.
//!
//! [`hub`] opens and keeps the streams, [`stream`] pumps one of them, [`packetiser`] cuts access units into RTP payloads
//! that all viewers share, [`viewer`] is one viewer's bounded queue, and [`feed`] is the interceptor in the viewer's peer
//! connection that gives each packet its SSRC, sequence number and timestamp on the way out.

pub(crate) mod capture;
pub(crate) mod clocks;
pub(crate) mod estimate;
pub(crate) mod feed;
pub(crate) mod feedback;
pub(crate) mod gop;
pub(crate) mod h264;
pub(crate) mod hub;
pub(crate) mod keyframes;
pub(crate) mod packetiser;
pub(crate) mod rate;
pub(crate) mod stream;
pub(crate) mod timeline;
pub(crate) mod viewer;
pub(crate) mod vp8;
