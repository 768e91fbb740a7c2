//! Lists of addresses and ports: no text makes the parser panic, and what is parsed is in the set.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::target::{PortSet, parse_addrs};

fuzz_target!(|text: &str| {
    if let Ok(set) = parse_addrs(text) {
        assert_eq!(set.is_empty(), set.len() == 0);
        for (first, last) in set.v6() {
            assert!(set.contains(first.into()) && set.contains(last.into()));
        }
        for (first, last) in set.v4() {
            assert!(set.contains(first.into()) && set.contains(last.into()));
        }
    }
    if let Ok(ports) = text.parse::<PortSet>() {
        for (rank, &port) in ports.as_slice().iter().enumerate() {
            assert_eq!(ports.rank(port), Some(rank));
        }
    }
});
