//! The joined timeline held against packet captures at both ends.
