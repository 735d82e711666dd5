//! Logs around the reader's limit of size: some bytes of the input stand for a megabyte, or a little more or less.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udm::MAX_LOG;
use udmill_fuzz::{check_payload, split_options};

/// No payload is longer, so that a run stays fast.
const MOST: usize = MAX_LOG + MAX_LOG / 2;

fuzz_target!(|input: &[u8]| {
    let (options, input) = split_options(input);
    let mut payload = Vec::new();
    for byte in input {
        let filler: (&[u8], usize) = match byte {
            0x02 => (b"x", MAX_LOG / 4),
            0x03 => (b"x", MAX_LOG - 20),
            0x04 => (b"{\"a\":1},", MAX_LOG / 8),
            0x05 => (b" ", MAX_LOG / 2),
            0x06 => (b"\\", MAX_LOG / 4),
            0x07 => (b"\xc3\xa9", MAX_LOG / 2),
            0x0e => (b"x\n", MAX_LOG / 64),
            0x0f => (b"[", MAX_LOG / 4),
            0x10 => (b"}", MAX_LOG / 4),
            same => (&[*same], 1),
        };
        if payload.len() + filler.0.len() * filler.1 > MOST {
            return;
        }
        payload.extend(filler.0.repeat(filler.1));
    }
    options.iter().for_each(|it| check_payload(&payload, it));
});
