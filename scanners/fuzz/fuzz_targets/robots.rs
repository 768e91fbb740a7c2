//! The parser of robots.txt and its matching; the path is the first line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::http::robots::Robots;

fuzz_target!(|data: &[u8]| {
    let path =
        String::from_utf8_lossy(data.split(|byte| *byte == b'\n').next().unwrap_or_default());
    let robots = Robots::parse(data);
    robots.is_allowed("sortie/1.0", &path);
    robots.is_allowed("*", &path);
    robots.crawl_delay("sortie");
});
