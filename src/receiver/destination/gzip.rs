//! Bodies in gzip (RFC 1952), without a time in them: the same bytes give the same bytes.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The bytes, compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes);
    match written.and_then(|()| encoder.finish()) {
        Ok(compressed) => compressed,
        Err(_) => unreachable!("writing to memory does not fail"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_was_compressed_is_read_again_and_holds_no_time() {
        let bytes = b"{\"a\":1}\n".repeat(1000);
        let compressed = gzip(&bytes);
        assert!(compressed.len() < 200);
        assert_eq!(compressed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        let mut read = Vec::new();
        GzDecoder::new(compressed.as_slice())
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, bytes);
    }
}
