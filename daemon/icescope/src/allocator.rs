//! jemalloc, for a process that is small and runs for months.
//!
//! Sessions come and go in crowds, and what is remembered of them lies between what was theirs. glibc gives memory back from the
//! top of its heap only: after twenty browsers had vanished at once it kept 22 MB that nothing used. jemalloc gives unused
//! pages back from anywhere, a second after they fell empty; how soon, and how many arenas there are, stands in
//! `.cargo/config.toml`, for it is settled when it is built.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
