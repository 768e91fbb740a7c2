//! The rules for addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::Rule;
use super::{embedded, reserved};

/// Allowed and denied nets. Both are short lists in practice; they are walked in order.
#[derive(Debug, Default)]
pub(super) struct AddrRules {
    pub(super) allow: Vec<IpNet>,
    pub(super) deny: Vec<IpNet>,
}

impl AddrRules {
    pub(super) fn new(allow: Vec<IpNet>, deny: Vec<IpNet>) -> Self {
        let canonical = |nets: Vec<IpNet>| nets.into_iter().map(canonical).collect();
        Self {
            allow: canonical(allow),
            deny: canonical(deny),
        }
    }

    /// The rule that refuses `addr`, to which an admitted name led.
    pub(super) fn judge(&self, addr: IpAddr) -> Option<Rule> {
        embedded::forms(addr).find_map(|form| self.judge_form(form))
    }

    /// The rule that refuses `addr`, to which no name led.
    pub(super) fn judge_bare(&self, addr: IpAddr) -> Option<Rule> {
        if let Some(rule) = self.judge(addr) {
            return Some(rule);
        }
        let addr = addr.to_canonical();
        let allowed = self.allow.iter().any(|net| net.contains(&addr));
        (!allowed).then_some(Rule::NoAllowedNet)
    }

    fn judge_form(&self, addr: IpAddr) -> Option<Rule> {
        if let Some(net) = self.deny.iter().find(|net| net.contains(&addr)) {
            return Some(Rule::DeniedNet(*net));
        }
        reserved::containing(addr)
            .find(|range| !self.opens(&range.net, addr))
            .map(|range| Rule::Reserved {
                net: range.net,
                purpose: range.purpose,
            })
    }

    /// Whether an allowed net that contains `addr` lies inside `range`: only who names the range,
    /// or a part of it, means it.
    fn opens(&self, range: &IpNet, addr: IpAddr) -> bool {
        self.allow
            .iter()
            .any(|net| net.contains(&addr) && range.contains(net))
    }
}

/// A net of IPv4-mapped addresses is a net of IPv4 addresses.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let mapped = v6
        .addr()
        .to_ipv4_mapped()
        .zip(v6.prefix_len().checked_sub(96));
    let v4 = mapped.and_then(|(addr, prefix)| IpNet::new(addr.into(), prefix).ok());
    v4.unwrap_or(net)
}
