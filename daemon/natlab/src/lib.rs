//! Hosts behind real NATs, in network namespaces. Tests only.
#![forbid(unsafe_code)]
