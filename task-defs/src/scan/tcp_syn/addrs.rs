//! Addresses, as a text.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use scanners::scope::AddrSet;
use scanners::target::{InvalidTargets, parse_addrs};
use serde::{Deserialize, Serialize};

/// A set of addresses that travels as a text: addresses, nets and ranges of either version of IP,
/// separated by commas. It is written as ranges.
///
/// ```
/// use sortie_task_defs::scan::Addrs;
///
/// let addrs: Addrs = serde_json::from_str(r#""192.0.2.0/25, 192.0.2.128/25, 2001:db8::1""#)?;
/// assert_eq!(addrs.get().len(), 257);
/// let text = serde_json::to_string(&addrs)?;
/// assert_eq!(text, r#""192.0.2.0-192.0.2.255,2001:db8::1""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Addrs(AddrSet);

impl Addrs {
    /// The set.
    pub const fn get(&self) -> &AddrSet {
        &self.0
    }

    /// Its ranges, first and last address of each, IPv4 first, ascending.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        let v4 = self.0.v4().map(|(a, b)| (a.into(), b.into()));
        v4.chain(self.0.v6().map(|(a, b)| (a.into(), b.into())))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<AddrSet> for Addrs {
    fn from(set: AddrSet) -> Self {
        Self(set)
    }
}

impl FromStr for Addrs {
    type Err = InvalidTargets;

    fn from_str(text: &str) -> Result<Self, InvalidTargets> {
        parse_addrs(text).map(Self)
    }
}

impl TryFrom<String> for Addrs {
    type Error = InvalidTargets;

    fn try_from(text: String) -> Result<Self, InvalidTargets> {
        text.parse()
    }
}

impl From<Addrs> for String {
    fn from(addrs: Addrs) -> Self {
        let mut text = Self::new();
        for (first, last) in addrs.ranges() {
            if !text.is_empty() {
                text.push(',');
            }
            // Writing to a text does not fail.
            let _ = match first == last {
                true => write!(text, "{first}"),
                false => write!(text, "{first}-{last}"),
            };
        }
        text
    }
}
