//! Telling the processor which memory is needed next, where it cannot know: what one core has written, another one reads here and
//! there. Each first look takes as long as some hundred instructions.

/// Of longer bytes only the start: the processor notices by itself that the rest is read.
const MOST: usize = 256;

/// Bytes that come into the cache together.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Has the processor fetch these bytes into its cache meanwhile.
#[inline]
pub(crate) fn prefetch(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(MOST)];
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it reads nothing and cannot fail, and the address is that of a byte.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

#[cfg(test)]
mod test {
    use super::{MOST, prefetch};

    #[test]
    fn bytes_of_any_length_can_be_fetched() {
        let bytes = vec![7; 4 * MOST];
        for length in [0, 1, 63, 64, 65, MOST, MOST + 1, bytes.len()] {
            prefetch(&bytes[..length]);
            prefetch(&bytes[bytes.len() - length..]);
        }
        // What can fail is how they are cut, with a panic; the processor itself never complains.
        assert!(bytes.iter().all(|byte| *byte == 7));
    }
}
