//! Memory that `alloc` lent to plugins. The `owner` that a plugin holds is a number, not an address: releasing twice, or
//! something that was never lent, is harmless.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::frames::Stream;
use crate::ring::SLOT_BYTES;

/// So many buffers may be out at once in one process; an encoder holds one or two.
const MOST: usize = 64;

/// What was lent.
pub(super) enum Lease {
    /// A slot of a running stream: what is written there crosses without a copy.
    Slot(Arc<Stream>, usize),
    /// Ordinary memory: no stream runs, several do, or the queue is full.
    Heap(Box<[u8]>),
}

#[derive(Default)]
struct Table {
    next: usize,
    lent: HashMap<usize, Lease>,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lends `len` bytes (at most [`SLOT_BYTES`]): the address, how many there are, the owner. `None`: too many are out.
pub(super) fn lend(len: usize, stream: Option<Arc<Stream>>) -> Option<(*mut u8, usize, *mut c_void)> {
    let mut table = table();
    if table.lent.len() >= MOST {
        return None;
    }
    let slot = stream.and_then(|stream| stream.ring().claim().map(|slot| (stream, slot)));
    let (mut lease, cap) = match slot {
        Some((stream, slot)) => (Lease::Slot(stream, slot), SLOT_BYTES),
        None => (Lease::Heap(vec![0; len].into_boxed_slice()), len),
    };
    let data = match &mut lease {
        Lease::Slot(stream, slot) => stream.ring().room(*slot),
        Lease::Heap(bytes) => bytes.as_mut_ptr(),
    };
    // From 1 on: an owner is never null.
    table.next += 1;
    let owner = table.next;
    table.lent.insert(owner, lease);
    Some((data, cap, std::ptr::without_provenance_mut(owner)))
}

/// The slot that `owner` stands for, if it is one of this stream.
pub(super) fn slot_of(owner: *mut c_void, stream: &Arc<Stream>) -> Option<usize> {
    match table().lent.get(&owner.addr()) {
        Some(Lease::Slot(of, slot)) if Arc::ptr_eq(of, stream) => Some(*slot),
        _ => None,
    }
}

/// The slot has been published: it is the reader's to free.
pub(super) fn hand_over(owner: *mut c_void) {
    table().lent.remove(&owner.addr());
}

/// Takes memory back unused. `false`: it was not lent (any more).
pub(super) fn take_back(owner: *mut c_void) -> bool {
    match table().lent.remove(&owner.addr()) {
        Some(Lease::Slot(stream, slot)) => {
            stream.ring().free(slot);
            true
        }
        Some(Lease::Heap(_)) => true,
        None => false,
    }
}
