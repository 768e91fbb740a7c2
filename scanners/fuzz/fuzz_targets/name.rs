//! Names: what parses is its own normal form, and never an address.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::scope::Name;

fuzz_target!(|input: &str| {
    if let Ok(name) = Name::parse(input) {
        assert!(name.as_str().len() <= 253);
        assert!(name.as_str().parse::<std::net::IpAddr>().is_err());
        assert_eq!(Name::parse(name.as_str()), Ok(name));
    }
});
