//! Measures TURN servers, data path included.
#![forbid(unsafe_code)]
