//! The log's checksum, CRC-32C.
//!
//! Each document's is made when it is written and again on its way into a shard, and most are of less than some hundred bytes.
//! There the crate, which is made for long texts, takes longer than the processor's own instruction, for the shortest more than
//! twice as long: it goes byte by byte up to a multiple of eight, and behind the last one.

/// Longer texts are the crate's: it works on three parts at a time.
#[cfg(target_arch = "x86_64")]
const LONG: usize = 768;

pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc32c_append(0, bytes)
}

/// The checksum of what has the checksum `crc`, and `bytes` behind it.
#[inline]
pub(crate) fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() < LONG && is_x86_feature_detected!("sse4.2") {
        // SAFETY: the processor has these instructions, as just asked.
        return unsafe { short(crc, bytes) };
    }
    crc32c::crc32c_append(crc, bytes)
}

/// The checksum of what has the checksum `crc`, the bytes of `words`, and `bytes` behind them. Words that were just made are
/// not put together in memory first, where the processor would wait for all of them before it could read a part.
#[inline]
pub(crate) fn crc32c_of<const N: usize>(crc: u32, words: [u64; N], bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("sse4.2") {
        // SAFETY: the processor has these instructions, as just asked.
        let crc = unsafe { of_words(crc, words) };
        return if bytes.is_empty() { crc } else { crc32c_append(crc, bytes) };
    }
    portable(crc, words, bytes)
}

fn portable<const N: usize>(crc: u32, words: [u64; N], bytes: &[u8]) -> u32 {
    let crc = words.iter().fold(crc, |crc, word| crc32c::crc32c_append(crc, &word.to_le_bytes()));
    crc32c::crc32c_append(crc, bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
fn of_words<const N: usize>(crc: u32, words: [u64; N]) -> u32 {
    let state =
        words.iter().fold(u64::from(!crc), |state, word| std::arch::x86_64::_mm_crc32_u64(state, *word));
    !(state as u32)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
fn short(crc: u32, mut bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u16, _mm_crc32_u32, _mm_crc32_u64};
    let mut state = u64::from(!crc);
    while let Some((next, rest)) = bytes.split_first_chunk() {
        state = _mm_crc32_u64(state, u64::from_le_bytes(*next));
        bytes = rest;
    }
    let mut state = state as u32;
    if let Some((next, rest)) = bytes.split_first_chunk() {
        state = _mm_crc32_u32(state, u32::from_le_bytes(*next));
        bytes = rest;
    }
    if let Some((next, rest)) = bytes.split_first_chunk() {
        state = _mm_crc32_u16(state, u16::from_le_bytes(*next));
        bytes = rest;
    }
    if let [last] = bytes {
        state = _mm_crc32_u8(state, *last);
    }
    !state
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;

    use super::{crc32c, crc32c_append, crc32c_of, portable};

    #[test]
    fn it_is_the_one_that_others_call_crc_32c() {
        // The standard's check value.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    proptest! {
        #[test]
        fn it_is_the_same_at_any_length_and_place_and_in_parts(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
            start in 0..8_usize,
            split in 0..2000_usize,
        ) {
            let bytes = &bytes[start.min(bytes.len())..];
            let whole = crc32c::crc32c(bytes);
            prop_assert_eq!(crc32c(bytes), whole);
            let (front, back) = bytes.split_at(split.min(bytes.len()));
            prop_assert_eq!(crc32c_append(crc32c(front), back), whole);
            if let Some((words, rest)) = back.split_first_chunk::<16>() {
                let (first, second) = words.split_at(8);
                let words = [first, second].map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
                prop_assert_eq!(crc32c_of(crc32c(front), words, rest), whole);
                let of_words = crc32c::crc32c_append(crc32c(front), &back[..16]);
                prop_assert_eq!(crc32c_of(crc32c(front), words, &[]), of_words);
                prop_assert_eq!(portable(crc32c(front), words, rest), whole);
            }
        }
    }
}
