//! The proof that a scope was asked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::set::AddrSet;

/// A value that a [`Scope`](super::Scope) admitted.
///
/// Only a scope makes one; there is no public constructor and no `Deserialize`, so code that takes
/// an `InScope` cannot be reached with a target that nobody allowed:
///
/// ```compile_fail
/// let forged = sortie_scanners::scope::InScope("10.0.0.1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InScope<T>(T);

impl<T> InScope<T> {
    /// Outside of scopes, for a part of a value that one has admitted only.
    pub(crate) fn mint(value: T) -> Self {
        Self(value)
    }

    /// The admitted value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The admitted value, giving up the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl InScope<IpAddr> {
    /// The socket address of `port` on this address. Scopes rule on hosts, not on ports.
    pub fn with_port(self, port: u16) -> InScope<SocketAddr> {
        InScope(SocketAddr::new(self.0, port))
    }
}

impl InScope<SocketAddr> {
    /// The address alone.
    pub fn host(self) -> InScope<IpAddr> {
        InScope(self.0.ip())
    }
}

/// Addresses that were admitted one by one, as a set.
impl FromIterator<InScope<IpAddr>> for InScope<AddrSet> {
    fn from_iter<I: IntoIterator<Item = InScope<IpAddr>>>(addrs: I) -> Self {
        Self(
            addrs
                .into_iter()
                .map(|InScope(addr)| (addr, addr))
                .collect(),
        )
    }
}

impl InScope<AddrSet> {
    /// What either holds.
    pub fn union(self, other: Self) -> Self {
        let [these, those] = [self.0, other.0];
        Self(these.union(&those))
    }
}

impl<T> AsRef<T> for InScope<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for InScope<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
