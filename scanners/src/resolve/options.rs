//! The limits of a resolver.

use std::time::Duration;

/// Limits of a [`Resolver`](super::Resolver).
#[derive(Clone, Debug)]
pub struct ResolverOptions {
    /// How long one attempt waits for an answer. 2 s by default.
    pub timeout: Duration,
    /// How often a silent or failing server is asked again; 0 asks once. 1 by default.
    pub retries: usize,
    /// How many addresses of an answer are looked at, at least 1. 16 by default.
    pub max_addresses: usize,
    /// Which addresses are asked for.
    pub family: AddressFamily,
}

impl Default for ResolverOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            retries: 1,
            max_addresses: 16,
            family: AddressFamily::default(),
        }
    }
}

/// Which addresses a lookup asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4, and IPv6 only for names that have no IPv4 address: one query for most names.
    #[default]
    V4ThenV6,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}
