//! What rows the family reads.

use std::net::IpAddr;

use scanners::scope::Name;
use serde::Deserialize;

use super::addrs::Addrs;

/// What has addresses: a [`DnsRecord`](crate::scan::DnsRecord) or a row like it, or a text with
/// addresses, nets and ranges (`"198.51.100.0/24, 2001:db8::1"`).
///
/// A name leads to addresses, not to nets: with one, a range of several is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Row")]
pub struct Hosts {
    name: Option<Name>,
    addresses: Vec<Addrs>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "must be a text of addresses, nets and ranges, or an object with such texts in \
                 `addresses`"
)]
enum Row {
    Text(Addrs),
    Object {
        #[serde(default)]
        name: Option<Name>,
        #[serde(default)]
        addresses: Vec<Addrs>,
    },
}

/// A row, taken apart.
pub(super) enum Host {
    /// A range that stands for itself.
    Range(IpAddr, IpAddr),
    /// An address that a name has led to.
    Named(IpAddr, Name),
}

impl TryFrom<Row> for Hosts {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let (name, addresses) = match row {
            Row::Text(addrs) => (None, vec![addrs]),
            Row::Object { name, addresses } => (name, addresses),
        };
        let several = |addrs: &Addrs| addrs.ranges().any(|(first, last)| first != last);
        if name.is_some() && addresses.iter().any(several) {
            return Err("a name leads to single addresses, and not to nets or ranges");
        }
        Ok(Self { name, addresses })
    }
}

impl Hosts {
    /// What is in it.
    pub(super) fn each(&self) -> impl Iterator<Item = Host> {
        let ranges = self.addresses.iter().flat_map(Addrs::ranges);
        ranges.map(|(first, last)| match &self.name {
            Some(name) => Host::Named(first, name.clone()),
            None => Host::Range(first, last),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: serde_json::Value) -> Result<Vec<Host>, String> {
        let hosts: Hosts = serde_json::from_value(row).map_err(|error| error.to_string())?;
        Ok(hosts.each().collect())
    }

    #[test]
    fn texts_nets_and_records_are_read_and_nonsense_is_refused() {
        assert_eq!(read(json!("192.0.2.0/24, 2001:db8::1")).unwrap().len(), 2);
        assert_eq!(read(json!({"outcome": "no_data"})).unwrap().len(), 0);
        let named = json!({"name": "a.example", "addresses": ["192.0.2.1", "::ffff:192.0.2.2"]});
        assert!(matches!(
            &read(named).unwrap()[..],
            [Host::Named(IpAddr::V4(_), _), Host::Named(IpAddr::V4(_), _)]
        ));
        let net = json!({"name": "a.example", "addresses": ["192.0.2.0/30"]});
        assert!(read(net).err().unwrap().contains("single addresses"));
        for nonsense in [json!("a.example"), json!(7), json!({"addresses": ["x"]})] {
            assert!(read(nonsense).err().unwrap().contains("text of addresses"));
        }
    }
}
