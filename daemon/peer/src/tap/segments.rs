//! Datagrams that travel in one buffer: batches sent by GSO and received by GRO.

/// The datagrams of a buffer of which each, but perhaps the last, has `size` bytes.
#[inline]
pub fn segments(buffer: &[u8], size: Option<usize>) -> std::slice::Chunks<'_, u8> {
    buffer.chunks(size.filter(|size| *size > 0).unwrap_or(buffer.len()).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_split_and_the_last_may_be_shorter() {
        let lengths = |size| segments(&[0; 10], size).map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(Some(4)), [4, 4, 2]);
        assert_eq!(lengths(Some(10)), [10]);
        assert_eq!(lengths(Some(20)), [10]);
        assert_eq!(lengths(Some(0)), [10]);
        assert_eq!(lengths(None), [10]);
        assert_eq!(segments(&[], None).count(), 0);
    }
}
