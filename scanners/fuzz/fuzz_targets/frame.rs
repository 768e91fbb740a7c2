//! No frame makes the reader of answers panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

include!("probe.in.rs");

fuzz_target!(|frame: &[u8]| {
    let _ = check(frame);
});
