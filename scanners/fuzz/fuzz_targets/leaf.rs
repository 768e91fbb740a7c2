//! Certificates: what parses is within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::tls::LeafCertificate;

fuzz_target!(|der: &[u8]| {
    let Ok(leaf) = LeafCertificate::parse(der) else {
        return;
    };
    assert!(leaf.names.len() <= 2000 && leaf.names.is_sorted());
    assert!(leaf.names.iter().all(|name| name.len() <= 255));
    assert!(leaf.serial.len() <= 128 && !leaf.serial.is_empty());
    for text in [leaf.issuer, leaf.subject].into_iter().flatten() {
        assert!(text.chars().count() <= 512);
        assert!(!text.chars().any(char::is_control));
    }
});
