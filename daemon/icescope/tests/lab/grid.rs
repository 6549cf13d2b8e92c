//! The grid: behaviours of the browser's end by behaviours of the daemon's end, with and without TURN.
