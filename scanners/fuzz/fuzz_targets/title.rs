//! The titles of pages; the first line is the media type, if there is one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::http::page::title;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (line, page) = data.split_at(at);
    let content_type = String::from_utf8_lossy(line);
    let content_type = (!line.is_empty()).then_some(&*content_type);
    if let Some(title) = title(page, content_type) {
        assert!((1..=256).contains(&title.chars().count()));
        assert!(!title.chars().any(char::is_control));
        assert_eq!(title.trim(), title);
    }
});
