//! Any bytes as a payload of logs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udmill_fuzz::{check_payload, split_options};

fuzz_target!(|input: &[u8]| {
    let (options, payload) = split_options(input);
    options.iter().for_each(|it| check_payload(payload, it));
});
