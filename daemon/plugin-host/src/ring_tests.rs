use super::*;
use proptest::prelude::*;

fn pair() -> (Ring, Reader) {
    let memory = create().unwrap();
    (Ring::map(&memory).unwrap(), Reader::new(Ring::map(&memory).unwrap()))
}

fn send(writer: &Ring, data: &[u8], flags: u32) -> Option<usize> {
    let slot = writer.claim()?;
    writer.fill(slot, data);
    writer.publish(slot, data.len(), Facts { flags, pts_ns: 7, duration_ns: 8, capture_ns: 9 });
    Some(slot)
}

#[test]
fn units_come_out_in_order_with_their_facts() {
    let (writer, mut reader) = pair();
    for round in 0..20_u8 {
        send(&writer, &[round; 3], 1).unwrap();
        send(&writer, &[round; 5], 2).unwrap();
        let facts = Facts { flags: 1, pts_ns: 7, duration_ns: 8, capture_ns: 9 };
        assert_eq!(reader.take().unwrap(), Some((vec![round; 3], facts)));
        assert_eq!(reader.take().unwrap(), Some((vec![round; 5], Facts { flags: 2, ..facts })));
        assert_eq!(reader.take().unwrap(), None);
    }
}

#[test]
fn a_reader_in_time_keeps_the_writer_in_the_first_slot() {
    let (writer, mut reader) = pair();
    for _ in 0..50 {
        assert_eq!(send(&writer, b"unit", 0), Some(0));
        reader.take().unwrap().unwrap();
    }
}

#[test]
fn no_slot_is_given_out_twice() {
    let (writer, mut reader) = pair();
    for _ in 0..SLOTS {
        send(&writer, b"unit", 0).unwrap();
    }
    assert_eq!(send(&writer, b"one too many", 0), None);
    reader.take().unwrap().unwrap();
    assert!(send(&writer, b"fits again", 0).is_some());
}

#[test]
fn memory_of_another_size_or_without_seals_is_not_mapped() {
    let open = rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::ftruncate(&open, RING_BYTES as u64).unwrap();
    assert!(Ring::map(&open).is_err(), "it could be truncated under the reader");
    let short = rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::fcntl_add_seals(&short, SealFlags::SHRINK).unwrap();
    assert!(Ring::map(&short).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever a broken writer puts into the header, the reader refuses it or reads within the memory.
    #[test]
    fn a_corrupt_header_is_refused_or_read_within_bounds(
        published in prop_oneof![0..20_u64, any::<u64>()],
        free in any::<u32>(),
        slots in proptest::collection::vec(prop_oneof![0..8_u32, any::<u32>()], SLOTS),
        lengths in proptest::collection::vec(
            prop_oneof![0..64_u64, (SLOT_BYTES as u64 - 2)..(SLOT_BYTES as u64 + 2), any::<u64>()], SLOTS),
        flags in any::<u32>(),
    ) {
        let (writer, mut reader) = pair();
        let header = writer.header();
        for (at, (slot, len)) in header.descriptors.iter().zip(slots.into_iter().zip(lengths)) {
            at.slot.store(slot, Ordering::Relaxed);
            at.len.store(len, Ordering::Relaxed);
            at.flags.store(flags, Ordering::Relaxed);
        }
        header.free.store(free, Ordering::Relaxed);
        header.published.store(published, Ordering::Release);
        for _ in 0..=SLOTS {
            match reader.take() {
                Ok(Some((data, facts))) => {
                    prop_assert!(!data.is_empty() && data.len() <= SLOT_BYTES);
                    prop_assert_eq!(facts.flags, flags);
                }
                Ok(None) | Err(_) => break,
            }
        }
        prop_assert!(reader.taken <= SLOTS as u64);
    }

    /// A writer facing a corrupt mask still never leaves its memory.
    #[test]
    fn a_corrupt_mask_gives_no_slot_that_is_not_there(free in any::<u32>()) {
        let (writer, _reader) = pair();
        writer.header().free.store(free, Ordering::Relaxed);
        while let Some(slot) = writer.claim() {
            prop_assert!(slot < SLOTS);
        }
    }
}
