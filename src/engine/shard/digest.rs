//! The first word of the MD5 digests of several short texts at once.
//!
//! A flush asks for the shard of every id. One digest after the other is a chain of steps that each wait for the last: it was
//! a twentieth of all time in a bulk load. Here each text has its lane in vector registers.

use wide::u32x8;

/// Texts digested at once.
pub(super) const LANES: usize = 8;

/// Longest text that fits one block.
pub(super) const LONGEST: usize = 55;

const BLOCK: usize = 64;

/// One number of each text.
type Numbers = u32x8;

/// The digests' first four bytes as big-endian numbers.
///
/// # Panics
/// If a text is longer than [`LONGEST`].
pub(super) fn first_words(texts: [&[u8]; LANES]) -> [u32; LANES] {
    let words = words(texts);
    let mut state = START.map(Numbers::splat);
    round::<16>(&mut state, 0, |step| words[step], |b, c, d| d ^ (b & (c ^ d)));
    round::<16>(&mut state, 1, |step| words[(5 * step + 1) % 16], |b, c, d| c ^ (d & (b ^ c)));
    round::<16>(&mut state, 2, |step| words[(3 * step + 5) % 16], |b, c, d| b ^ c ^ d);
    // The first word is final after thirteen of the last steps, and was the newest then.
    round::<13>(&mut state, 3, |step| words[7 * step % 16], |b, c, d| c ^ (b | !d));
    state[1].to_array().map(|word| word.wrapping_add(START[0]).swap_bytes())
}

#[inline(always)]
fn round<const STEPS: usize>(
    [a, b, c, d]: &mut [Numbers; 4],
    round: usize,
    word: impl Fn(usize) -> Numbers,
    mix: impl Fn(Numbers, Numbers, Numbers) -> Numbers,
) {
    for step in 0..STEPS {
        let constant = Numbers::splat(CONSTANTS[16 * round + step]);
        let sum = *a + mix(*b, *c, *d) + constant + word(step);
        let rotation = ROTATIONS[round][step % 4];
        let next = *b + ((sum << rotation) | (sum >> (32 - rotation)));
        (*a, *d, *c, *b) = (*d, *c, *b, next);
    }
}

/// The padded blocks' words, those of the same place together.
fn words(texts: [&[u8]; LANES]) -> [Numbers; BLOCK / 4] {
    let mut words = [[0; LANES]; BLOCK / 4];
    for (lane, text) in texts.into_iter().enumerate() {
        assert!(text.len() <= LONGEST, "the text fits one block");
        let mut block = [0; BLOCK];
        block[..text.len()].copy_from_slice(text);
        block[text.len()] = 0x80;
        block[BLOCK - 8..].copy_from_slice(&(8 * text.len() as u64).to_le_bytes());
        for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
            word[lane] = u32::from_le_bytes(*bytes);
        }
    }
    words.map(Numbers::from)
}

const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The sines of 1 to 64, as RFC 1321 wants them.
#[rustfmt::skip]
const CONSTANTS: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee,
    0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be,
    0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa,
    0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed,
    0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c,
    0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05,
    0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039,
    0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1,
    0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];
