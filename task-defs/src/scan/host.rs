//! Whether an address may be touched, given the names that led to it.

use std::net::IpAddr;

use scanners::scope::{InScope, Name, OutOfScope, Scope};

/// The address, if one of the names that led to it is in scope and the address is, or if the
/// address is in scope without a name.
pub(super) fn admit<'a>(
    scope: &Scope,
    address: IpAddr,
    names: impl IntoIterator<Item = &'a Name>,
) -> Result<InScope<IpAddr>, OutOfScope> {
    for name in names {
        if let Ok(address) = admit_for(scope, address, name) {
            return Ok(address);
        }
    }
    scope.admit_ip(address)
}

/// The address, if `name`, which led to it, is in scope and the address is.
pub(super) fn admit_for(
    scope: &Scope,
    address: IpAddr,
    name: &Name,
) -> Result<InScope<IpAddr>, OutOfScope> {
    scope.admit_addr(&scope.admit(name.clone())?, address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_scope_is_enough_and_an_address_needs_a_net() {
        let scope = Scope::builder()
            .allow_domain("a.example")
            .allow_net("192.0.2.0/25".parse::<ipnet::IpNet>().unwrap())
            .deny_net("203.0.113.7/32".parse::<ipnet::IpNet>().unwrap())
            .build()
            .unwrap();
        let admit = |address: &str, names: &[&str]| {
            let names: Vec<Name> = names.iter().map(|name| name.parse().unwrap()).collect();
            admit(&scope, address.parse().unwrap(), &names).is_ok()
        };
        assert!(admit("8.8.8.8", &["b.example", "www.a.example"]));
        assert!(!admit("8.8.8.8", &["b.example"]));
        assert!(!admit("8.8.8.8", &[]));
        assert!(admit("192.0.2.1", &[]));
        // The net is allowed by name, so no name is needed.
        assert!(admit("192.0.2.1", &["b.example"]));
        assert!(!admit("127.0.0.1", &["a.example"]));
        assert!(!admit("203.0.113.7", &["a.example"]));
    }
}
