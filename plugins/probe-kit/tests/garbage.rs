//! Nothing that comes from the network panics or stalls what reads it.

use icescope_probe_kit::fuzz::fuzz_one;
use icescope_probe_kit::message::Message;
use proptest::collection::vec;
use proptest::prelude::*;

const HEADER: [u8; 20] = [1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// A message whose attributes are anything, with an honest length, so that they are all looked at.
fn message(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for (number, value) in attributes {
        bytes.extend(number.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).expect("right for a test").to_be_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let length = u16::try_from(bytes.len() - 20).expect("right for a test");
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

#[test]
fn the_corpus_is_read_without_a_panic() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut count = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        fuzz_one(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 30, "only {count} files in the corpus");
}

#[test]
fn broken_messages_of_the_corpus_are_read_as_far_as_they_go() {
    let broken = |bytes: &[u8]| Message::decode(bytes).unwrap().malformed().len();
    assert_eq!(broken(include_bytes!("corpus/attribute-past-the-end.bin")), 1);
    assert_eq!(broken(include_bytes!("corpus/error-code-short.bin")), 1);
    assert_eq!(broken(include_bytes!("corpus/turn-data-indication.bin")), 0);
    let odd = Message::decode(include_bytes!("corpus/software-not-utf8.bin")).unwrap();
    assert_eq!((odd.malformed().len(), odd.software().as_deref()), (1, Some("\u{fffd}\u{fffd}\u{fffd}")));
    let late = Message::decode(include_bytes!("corpus/integrity-after-fingerprint.bin")).unwrap();
    assert_eq!(late.attributes().len(), 1, "nothing counts after FINGERPRINT");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..600)) {
        fuzz_one(&bytes);
    }

    #[test]
    fn any_attributes_are_read_without_a_panic(
        attributes in vec((prop_oneof![0_u16..0x40, 0x8000_u16..0x8040, any::<u16>()], vec(any::<u8>(), 0..70)), 0..8),
    ) {
        let bytes = message(&attributes);
        prop_assert!(Message::decode(&bytes).is_ok());
        fuzz_one(&bytes);
    }

    #[test]
    fn texts_in_attributes_are_read_without_a_panic(
        attributes in vec((prop_oneof![Just(0x6_u16), Just(0x9), Just(0x14), Just(0x15), Just(0x8022)], ".{0,90}"), 0..6),
    ) {
        fuzz_one(&message(&attributes.into_iter().map(|(number, text)| (number, text.into_bytes())).collect::<Vec<_>>()));
    }

    #[test]
    fn a_good_message_with_some_bytes_changed_is_read_without_a_panic(
        which in 0_usize..4, changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = [
            &include_bytes!("corpus/rfc5769-request.bin")[..],
            include_bytes!("corpus/rfc5769-ipv6-response.bin"),
            include_bytes!("corpus/rfc5769-long-term-request.bin"),
            include_bytes!("corpus/nonce-cookie.bin"),
        ][which].to_vec();
        for (index, to) in changes {
            let at = index.index(bytes.len());
            bytes[at] = to;
        }
        fuzz_one(&bytes);
    }
}
