//! Scope documents: what parses survives a round trip, and a scope is built or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::scope::{Scope, ScopeSpec};

fuzz_target!(|data: &[u8]| {
    if let Ok(spec) = ScopeSpec::from_json(data) {
        assert_eq!(
            ScopeSpec::from_json(&spec.to_json()).ok().as_ref(),
            Some(&spec)
        );
        if let Ok(scope) = Scope::try_from(spec) {
            let _ = scope.admit_name("www.example.com");
        }
    }
});
