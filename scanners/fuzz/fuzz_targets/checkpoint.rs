//! A damaged checkpoint is refused, and one that is read is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::engine::Checkpoint;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::from_bytes(bytes) {
        let again = Checkpoint::from_bytes(&checkpoint.to_bytes());
        assert_eq!(again, Ok(checkpoint));
    }
});
