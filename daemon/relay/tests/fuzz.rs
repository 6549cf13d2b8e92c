//! The corpus of the fuzz function, and what a generator makes of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_corpus_does_no_harm() {
    let corpus = corpus();
    assert!(corpus.len() >= 10, "only {} entries", corpus.len());
    for bytes in corpus {
        icescope_relay::fuzz::one(&bytes);
    }
}

proptest! {
    #[test]
    fn entries_of_the_corpus_with_other_bytes_do_no_harm(
        entry: prop::sample::Index,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut: prop::sample::Index,
        whole: bool,
    ) {
        let corpus = corpus();
        let mut bytes = entry.get(&corpus).clone();
        for (place, byte) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        icescope_relay::fuzz::one(&bytes);
    }
}
