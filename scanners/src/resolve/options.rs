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
    /// Which addresses are asked for. IPv4, else IPv6 by default.
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
///
/// Who connects needs one address, and seldom misses those that [`V4ThenV6`](Self::V4ThenV6) does
/// not ask for; who wants to know what a name has asks for [`Both`](Self::Both).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// IPv4, and IPv6 only for names that exist and have no IPv4 address: one query for most
    /// names.
    #[default]
    V4ThenV6,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both, asked for side by side. A failure of one of the two queries does not hide what the
    /// other one found; see [`DnsRecord::partial`](super::DnsRecord::partial).
    Both,
}
