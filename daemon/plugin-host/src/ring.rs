//! Frames in shared memory, from the driver beside a plugin (the writer) to the daemon (the reader).
//!
//! One ring per running stream: a page of header, then [`SLOTS`] slots. The writer takes the lowest free slot, fills it
//! and publishes a descriptor; the reader copies the bytes out once and gives the slot back. Lowest first keeps the
//! pages that were ever touched few: a stream whose frames are taken in time lives in the first slot.
//!
//! The reader trusts nothing in here: each value is loaded once, checked, and only then used. The memory's size is
//! sealed, so that no truncation can make a read fault.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

/// Access units that may lie here; two more wait in the stream's channel, which makes the contract's eight.
pub(crate) const SLOTS: usize = 6;
/// Longest access unit. Pages that are never touched cost nothing.
pub(crate) const SLOT_BYTES: usize = 4 << 20;
const HEADER_BYTES: usize = 4096;
const RING_BYTES: usize = HEADER_BYTES + SLOTS * SLOT_BYTES;
const ALL_FREE: u32 = (1 << SLOTS) - 1;

/// The first page.
#[repr(C)]
struct Header {
    /// Descriptors published so far; the newest is `descriptors[(published - 1) % SLOTS]`.
    published: AtomicU64,
    /// Units that the writer could not place so far.
    dropped: AtomicU64,
    /// A bit per slot: it is free.
    free: AtomicU32,
    /// Not 0: the writer dropped something and waits for a key frame.
    wants_key: AtomicU32,
    descriptors: [Descriptor; SLOTS],
}

#[repr(C)]
struct Descriptor {
    slot: AtomicU32,
    flags: AtomicU32,
    len: AtomicU64,
    pts_ns: AtomicI64,
    duration_ns: AtomicI64,
    capture_ns: AtomicI64,
}

const _: () = assert!(size_of::<Header>() <= HEADER_BYTES && SLOTS < 32);

/// An access unit's facts beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    pub(crate) flags: u32,
    pub(crate) pts_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) capture_ns: i64,
}

/// The shared memory holds what no writer of ours writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Corrupt {
    #[error("{published} frames are said to be published and {taken} were taken, but only {SLOTS} fit")]
    Count { published: u64, taken: u64 },
    #[error("a frame is said to be in slot {0} of {SLOTS}")]
    Slot(u32),
    #[error("a frame is said to have {0} bytes; 1 to {SLOT_BYTES} are possible")]
    Length(u64),
    #[error("a slot holds two frames at once")]
    Twice,
}

/// A mapping of the shared memory.
#[derive(Debug)]
pub(crate) struct Ring {
    base: *mut u8,
}

// SAFETY: the header is only reached through atomics; slots are only reached by raw copies, whose exclusiveness is the
// matter of `Writer` (slots that it claimed) and `Reader` (which accepts that a hostile writer changes them meanwhile).
unsafe impl Send for Ring {}
// SAFETY: as above.
unsafe impl Sync for Ring {}

/// Shared memory for one stream, all slots free.
pub(crate) fn create() -> rustix::io::Result<OwnedFd> {
    let memory = rustix::fs::memfd_create("icescope-ring", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&memory, RING_BYTES as u64)?;
    rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ring::map(&memory)?.header().free.store(ALL_FREE, Ordering::Release);
    Ok(memory)
}

impl Ring {
    /// Maps memory that [`create`] made.
    pub(crate) fn map(memory: &OwnedFd) -> rustix::io::Result<Self> {
        let sealed = rustix::fs::fcntl_get_seals(memory)?.contains(SealFlags::SHRINK);
        if !sealed || rustix::fs::fstat(memory)?.st_size != RING_BYTES as i64 {
            return Err(rustix::io::Errno::INVAL);
        }
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                RING_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                memory.as_fd(),
                0,
            )?
        };
        Ok(Self { base: base.cast() })
    }

    fn header(&self) -> &Header {
        #[allow(clippy::cast_ptr_alignment, reason = "a mapping begins with a page")]
        // SAFETY: the mapping begins with a page, is page-aligned and lives as long as `self`; atomics are valid for
        // any bytes and may be written by others at any time.
        unsafe {
            &*self.base.cast::<Header>()
        }
    }

    /// The first byte of a slot.
    fn slot(&self, slot: usize) -> *mut u8 {
        assert!(slot < SLOTS, "the callers checked it");
        // SAFETY: within the mapping, by the assertion.
        unsafe { self.base.add(HEADER_BYTES + slot * SLOT_BYTES) }
    }

    /// Units that the writer says it dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.header().dropped.load(Ordering::Relaxed)
    }

    /// Writer: takes the lowest free slot.
    pub(crate) fn claim(&self) -> Option<usize> {
        let free = &self.header().free;
        let mut mask = free.load(Ordering::Acquire);
        while mask & ALL_FREE != 0 {
            let slot = mask.trailing_zeros();
            match free.compare_exchange_weak(mask, mask & !(1 << slot), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(slot as usize),
                Err(now) => mask = now,
            }
        }
        None
    }

    /// Gives a slot back.
    pub(crate) fn free(&self, slot: usize) {
        self.header().free.fetch_or(1 << slot, Ordering::AcqRel);
    }

    /// Whether a slot is free now.
    pub(crate) fn is_free(&self, slot: usize) -> bool {
        self.header().free.load(Ordering::Acquire) & (1 << slot) != 0
    }

    /// Writer: where a slot's [`SLOT_BYTES`] bytes begin, for one who claimed it.
    pub(crate) fn room(&self, slot: usize) -> *mut u8 {
        self.slot(slot)
    }

    /// Writer: copies `data` into a slot that it claimed.
    pub(crate) fn fill(&self, slot: usize, data: &[u8]) {
        assert!(data.len() <= SLOT_BYTES, "the caller checked it");
        // SAFETY: the slot has room by the assertion; it is claimed, so nobody else writes to it, and a reader that
        // looks at it nevertheless copies it byte by byte and checks what it got.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), self.slot(slot), data.len()) }
    }

    /// Writer, one at a time: makes a filled slot visible to the reader.
    pub(crate) fn publish(&self, slot: usize, len: usize, facts: Facts) {
        let header = self.header();
        let published = header.published.load(Ordering::Relaxed);
        let at = &header.descriptors[(published % SLOTS as u64) as usize];
        at.slot.store(slot as u32, Ordering::Relaxed);
        at.flags.store(facts.flags, Ordering::Relaxed);
        at.len.store(len as u64, Ordering::Relaxed);
        at.pts_ns.store(facts.pts_ns, Ordering::Relaxed);
        at.duration_ns.store(facts.duration_ns, Ordering::Relaxed);
        at.capture_ns.store(facts.capture_ns, Ordering::Relaxed);
        header.published.store(published.wrapping_add(1), Ordering::Release);
    }

    /// Writer: one more unit was dropped, and only a key frame helps now.
    pub(crate) fn drop_one(&self) {
        self.header().dropped.fetch_add(1, Ordering::Relaxed);
        self.header().wants_key.store(1, Ordering::Release);
    }

    /// Writer: a key frame was published.
    pub(crate) fn has_key(&self) {
        self.header().wants_key.store(0, Ordering::Release);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let unmapped = unsafe { rustix::mm::munmap(self.base.cast(), RING_BYTES) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

/// The daemon's end.
#[derive(Debug)]
pub(crate) struct Reader {
    ring: Ring,
    taken: u64,
}

impl Reader {
    pub(crate) fn new(ring: Ring) -> Self {
        Self { ring, taken: 0 }
    }

    /// Takes the next unit: its bytes, copied, and its facts.
    pub(crate) fn take(&mut self) -> Result<Option<(Vec<u8>, Facts)>, Corrupt> {
        let header = self.ring.header();
        let published = header.published.load(Ordering::Acquire);
        let waiting = published.wrapping_sub(self.taken);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > SLOTS as u64 {
            return Err(Corrupt::Count { published, taken: self.taken });
        }
        let at = &header.descriptors[(self.taken % SLOTS as u64) as usize];
        let slot = at.slot.load(Ordering::Relaxed);
        if slot as usize >= SLOTS {
            return Err(Corrupt::Slot(slot));
        }
        let len = at.len.load(Ordering::Relaxed);
        if len == 0 || len > SLOT_BYTES as u64 {
            return Err(Corrupt::Length(len));
        }
        if self.ring.is_free(slot as usize) {
            return Err(Corrupt::Twice);
        }
        let facts = Facts {
            flags: at.flags.load(Ordering::Relaxed),
            pts_ns: at.pts_ns.load(Ordering::Relaxed),
            duration_ns: at.duration_ns.load(Ordering::Relaxed),
            capture_ns: at.capture_ns.load(Ordering::Relaxed),
        };
        let data = self.copy(slot as usize, len as usize);
        self.taken = self.taken.wrapping_add(1);
        self.ring.free(slot as usize);
        Ok(Some((data, facts)))
    }

    fn copy(&self, slot: usize, len: usize) -> Vec<u8> {
        assert!(len <= SLOT_BYTES, "the caller checked it");
        let mut data = Vec::with_capacity(len);
        // SAFETY: source and room have `len` bytes. Another process may write the source meanwhile (only a broken or
        // hostile one does): no reference to it is made, bytes are valid whatever they are, and nothing but this copy
        // is looked at afterwards.
        unsafe {
            std::ptr::copy_nonoverlapping(self.ring.slot(slot).cast_const(), data.as_mut_ptr(), len);
            data.set_len(len);
        }
        data
    }

    /// Whether the writer waits for a key frame because it had to drop.
    pub(crate) fn wants_key(&self) -> bool {
        self.ring.header().wants_key.load(Ordering::Acquire) != 0
    }

    /// Units that the writer says it dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.ring.dropped()
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
