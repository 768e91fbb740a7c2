//! Head, framing and coding of a response, in pieces whose size the first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::http::{Limits, Progress, ResponseDecoder};

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else {
        return;
    };
    let limits = Limits {
        body: 4096,
        ..Limits::default()
    };
    let mut decoder = ResponseDecoder::new(limits);
    for piece in bytes.chunks(usize::from(*size).max(1)) {
        match decoder.push(piece) {
            Ok(Progress::Reading) => {}
            Ok(Progress::Done) => break,
            Err(_) => return,
        }
    }
    if let Ok(Some(response)) = decoder.finish(size % 2 == 0) {
        assert!(response.body.bytes.len() <= limits.body);
    }
});
