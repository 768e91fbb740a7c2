//! Building a scope.

use std::sync::Arc;

use ipnet::IpNet;

use super::addrs::AddrRules;
use super::domains::DomainSet;
use super::error::InvalidScope;
use super::name::Name;
use super::spec::ScopeSpec;
use super::{Rules, Scope};

/// Collects the lists of a [`Scope`].
///
/// ```
/// use sortie_scanners::scope::Scope;
///
/// let scope = Scope::builder()
///     .allow_domain("example.com")
///     .deny_domain("intranet.example.com")
///     .build()?;
/// assert!(scope.admit_name("www.example.com").is_ok());
/// assert!(scope.admit_name("hr.intranet.example.com").is_err());
/// assert!(scope.admit_name("badexample.com").is_err());
/// # Ok::<(), sortie_scanners::scope::InvalidScope>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScopeBuilder {
    spec: ScopeSpec,
}

impl ScopeBuilder {
    /// Allows `name` and nothing under it.
    pub fn allow_name(mut self, name: impl Into<String>) -> Self {
        self.spec.allow_names.push(name.into());
        self
    }

    /// Allows `domain` and every name under it. Mind domains under which everybody has a name,
    /// such as those of hosters.
    pub fn allow_domain(mut self, domain: impl Into<String>) -> Self {
        self.spec.allow_domains.push(domain.into());
        self
    }

    /// Denies `domain` and every name under it, whatever else allows them.
    pub fn deny_domain(mut self, domain: impl Into<String>) -> Self {
        self.spec.deny_domains.push(domain.into());
        self
    }

    /// Allows the addresses in `net`: bare ones, and reserved ones if `net` lies inside the
    /// reserved range.
    pub fn allow_net(mut self, net: impl Into<IpNet>) -> Self {
        self.spec.allow_nets.push(net.into());
        self
    }

    /// Denies the addresses in `net`, whatever else allows them.
    pub fn deny_net(mut self, net: impl Into<IpNet>) -> Self {
        self.spec.deny_nets.push(net.into());
        self
    }

    /// Allows every name that is not denied.
    pub fn any_domain(mut self) -> Self {
        self.spec.any_domain = true;
        self
    }

    /// Builds the scope.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] when an entry of a domain list is no host name.
    pub fn build(self) -> Result<Scope, InvalidScope> {
        Scope::try_from(self.spec)
    }
}

impl TryFrom<ScopeSpec> for Scope {
    type Error = InvalidScope;

    fn try_from(spec: ScopeSpec) -> Result<Self, Self::Error> {
        let rules = Rules {
            allow_names: domain_set(spec.allow_names)?,
            allow_domains: domain_set(spec.allow_domains)?,
            deny_domains: domain_set(spec.deny_domains)?,
            any_domain: spec.any_domain,
            addrs: AddrRules::new(spec.allow_nets, spec.deny_nets),
        };
        Ok(Self {
            rules: Arc::new(rules),
        })
    }
}

fn domain_set(entries: Vec<String>) -> Result<DomainSet, InvalidScope> {
    let mut set = DomainSet::default();
    set.reserve(entries.len());
    // Each entry is freed as soon as it is copied, so that the peak is one list, not two.
    for entry in entries {
        match Name::parse(&entry) {
            Ok(name) => set.insert(&name).map_err(|_| InvalidScope::TooLarge)?,
            Err(cause) => return Err(InvalidScope::Domain { entry, cause }),
        }
    }
    Ok(set)
}
