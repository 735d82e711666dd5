//! Many bytes at a time: where the content of a JSON string stops standing for itself.

/// How many bytes are looked at together.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub const BLOCK: usize = 8;

/// The first byte that is a quote, a backslash or a control character.
///
/// A word is loaded once and tested twice. Compilers find no vector form of this loop, and the x86-64 intrinsics are
/// unsafe to call; those of WebAssembly are not, and there vectors count most.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline(always)]
pub fn first_special(block: &[u8; BLOCK]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(*block);
    let slash = word ^ (ONES * b'\\' as u64);
    // With this bit turned the quote stands right above the control characters. A byte is below a bound, or zero, where
    // the subtraction borrows; the lowest such byte is always right.
    let low = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let found = (low | slash.wrapping_sub(ONES)) & !word & HIGHS;
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

/// How many bytes are looked at together.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub const BLOCK: usize = 16;

/// The first byte that is a quote, a backslash or a control character.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
pub fn first_special(block: &[u8; BLOCK]) -> Option<usize> {
    use std::arch::wasm32::{
        u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or, v128_xor,
    };
    let word = |half: Option<&[u8; 8]>| u64::from_le_bytes(*half.unwrap_or(&[0; 8]));
    // Vectors made of words, which the compiler makes one load.
    let bytes = u64x2(word(block.first_chunk()), word(block.last_chunk()));
    let slash = u8x16_eq(bytes, u8x16_splat(b'\\'));
    // With this bit turned the quote stands right above the control characters.
    let low = u8x16_lt(v128_xor(bytes, u8x16_splat(0x02)), u8x16_splat(0x21));
    let found = u8x16_bitmask(v128_or(low, slash));
    (found != 0).then(|| found.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, first_special};

    #[test]
    fn every_byte_is_told_at_every_place() {
        for byte in 0..=255 {
            for at in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                let expected = is_special.then_some(at);
                assert_eq!(first_special(&block), expected, "{byte} at {at}");
            }
        }
    }
}
