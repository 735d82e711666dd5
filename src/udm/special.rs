//! Sixteen bytes at a time: where the content of a JSON string stops standing for itself.

use wide::u8x16;

/// How many bytes are looked at together.
pub const BLOCK: usize = 16;

/// The first byte that is a quote, a backslash or a control character.
#[inline(always)]
pub fn first_special(block: &[u8; BLOCK]) -> Option<usize> {
    let bytes = u8x16::new(*block);
    let slash = bytes.simd_eq(u8x16::splat(b'\\'));
    // With this bit turned the quote stands right above the control characters.
    let low = bytes ^ u8x16::splat(0x02);
    let control = low.min(u8x16::splat(0x20)).simd_eq(low);
    let found = (slash | control).to_bitmask();
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
