//! Finds out how the NATs and firewalls of this host behave.
#![forbid(unsafe_code)]
