//! Scope: what may be touched, and the proof that it was asked.
//!
//! A [`Scope`] is built once from allow and deny lists and shared by cloning. It mints
//! [`InScope`] values; the scanners accept nothing else. The rules, in order:
//!
//! 1. **Deny wins**, for names ([`ScopeBuilder::deny_domain`]) and addresses
//!    ([`ScopeBuilder::deny_net`]) alike.
//! 2. **Reserved ranges** (the IANA special-purpose registries, RFC 6890) and cloud metadata
//!    addresses are refused, unless an allowed net *lies inside* the reserved one. Allowing
//!    `0.0.0.0/0` therefore opens the Internet, not the loopback.
//! 3. A **name** needs an allowed suffix, or [`ScopeBuilder::any_domain`].
//! 4. An **address** needs an admitted name that led to it ([`Scope::admit_addr`]), or an allowed
//!    net when no name did ([`Scope::admit_ip`]).
//!
//! An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4, Teredo) is judged by both.

mod addrs;
mod admit_set;
mod builder;
mod domains;
mod embedded;
mod error;
mod in_scope;
mod name;
mod ranges;
mod reserved;
mod set;
mod spec;

use std::net::IpAddr;
use std::sync::Arc;

pub use builder::ScopeBuilder;
pub use error::{InvalidScope, OutOfScope, Rule, TooManySubnets};
pub use in_scope::InScope;
pub use name::{InvalidName, Name};
pub use reserved::{Reserved, reserved_ranges};
pub use set::AddrSet;
pub use spec::ScopeSpec;

use addrs::AddrRules;
use domains::DomainSet;

/// What may be touched. Cloning is cheap: the lists are shared.
///
/// The default scope admits nothing.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    rules: Arc<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    allow_names: DomainSet,
    allow_domains: DomainSet,
    deny_domains: DomainSet,
    any_domain: bool,
    addrs: AddrRules,
}

impl Scope {
    /// Starts an empty scope, which admits nothing.
    pub fn builder() -> ScopeBuilder {
        ScopeBuilder::default()
    }

    /// Parses `name` and admits it.
    ///
    /// # Errors
    ///
    /// [`Rule::InvalidName`] when it is no host name, else as for [`Scope::admit`].
    pub fn admit_name(&self, name: &str) -> Result<InScope<Name>, OutOfScope> {
        let name =
            Name::parse(name).map_err(|cause| OutOfScope::new(name, Rule::InvalidName(cause)))?;
        self.admit(name)
    }

    /// Admits a name that is already parsed.
    ///
    /// # Errors
    ///
    /// [`Rule::DeniedDomain`] when a denied suffix covers it, [`Rule::NoAllowedDomain`] when no
    /// allowed name or suffix does.
    pub fn admit(&self, name: Name) -> Result<InScope<Name>, OutOfScope> {
        match self.judge_name(&name) {
            None => Ok(InScope::mint(name)),
            Some(rule) => Err(OutOfScope::new(name.as_str(), rule)),
        }
    }

    /// Admits an address that the admitted `name` led to.
    ///
    /// Public addresses follow their name; reserved ones must be allowed by net. The name is
    /// judged again, because another scope may have minted it.
    ///
    /// # Errors
    ///
    /// [`Rule::DeniedNet`], [`Rule::Reserved`], or what [`Scope::admit`] says of the name.
    pub fn admit_addr(
        &self,
        name: &InScope<Name>,
        addr: IpAddr,
    ) -> Result<InScope<IpAddr>, OutOfScope> {
        if let Some(rule) = self.judge_name(name.get()) {
            return Err(OutOfScope::new(name.get().as_str(), rule));
        }
        match self.rules.addrs.judge(addr) {
            None => Ok(InScope::mint(addr)),
            Some(rule) => Err(OutOfScope::new(&addr, rule)),
        }
    }

    /// Admits a bare address, to which no name led: it must lie in an allowed net.
    ///
    /// # Errors
    ///
    /// [`Rule::DeniedNet`], [`Rule::Reserved`] or [`Rule::NoAllowedNet`].
    pub fn admit_ip(&self, addr: IpAddr) -> Result<InScope<IpAddr>, OutOfScope> {
        match self.rules.addrs.judge_bare(addr) {
            None => Ok(InScope::mint(addr)),
            Some(rule) => Err(OutOfScope::new(&addr, rule)),
        }
    }

    /// How many domain suffixes are allowed.
    pub fn allowed_domains(&self) -> usize {
        self.rules.allow_domains.len()
    }

    fn judge_name(&self, name: &Name) -> Option<Rule> {
        let rules = &*self.rules;
        if let Some(suffix) = rules.deny_domains.covering(name.as_str()) {
            return Some(Rule::DeniedDomain(suffix.to_owned()));
        }
        let allowed = rules.any_domain
            || rules.allow_names.contains(name.as_str())
            || rules.allow_domains.covering(name.as_str()).is_some();
        (!allowed).then_some(Rule::NoAllowedDomain)
    }
}
