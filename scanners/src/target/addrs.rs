//! Addresses as people write them.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::scope::AddrSet;

use super::error::InvalidTargets;

/// Parses a list of addresses, nets and ranges of either version of IP, separated by commas or
/// white space. From a `#` to the end of the line is a comment.
///
/// # Errors
///
/// [`InvalidTargets::Addr`] and [`InvalidTargets::Range`], with the first entry that is wrong.
///
/// ```
/// use sortie_scanners::target::parse_addrs;
///
/// let set = parse_addrs("192.0.2.7, 198.51.100.0/24 # two\n2001:db8::1-2001:db8::ff")?;
/// assert_eq!(set.len(), 1 + 256 + 255);
/// assert!(parse_addrs("192.0.2.9-192.0.2.1").is_err());
/// assert!(parse_addrs("example.com").is_err(), "names are to be resolved first");
/// # Ok::<(), sortie_scanners::target::InvalidTargets>(())
/// ```
pub fn parse_addrs(text: &str) -> Result<AddrSet, InvalidTargets> {
    entries(text).map(parse_range).collect()
}

/// The entries of a list, without comments.
pub(super) fn entries(text: &str) -> impl Iterator<Item = &str> {
    let content = |line: &'_ str| {
        line.split_once('#')
            .map_or(line.len(), |(kept, _)| kept.len())
    };
    text.lines()
        .map(move |line| &line[..content(line)])
        .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
        .filter(|entry| !entry.is_empty())
}

fn parse_range(entry: &str) -> Result<(IpAddr, IpAddr), InvalidTargets> {
    let invalid = || InvalidTargets::Addr(entry.to_owned());
    if let Some((first, last)) = entry.split_once('-') {
        let first: IpAddr = first.parse().map_err(|_| invalid())?;
        let last: IpAddr = last.parse().map_err(|_| invalid())?;
        let ascending = first.is_ipv4() == last.is_ipv4() && first <= last;
        return ascending
            .then_some((first, last))
            .ok_or_else(|| InvalidTargets::Range(entry.to_owned()));
    }
    if entry.contains('/') {
        let net: IpNet = entry.parse().map_err(|_| invalid())?;
        return Ok((net.network(), net.broadcast()));
    }
    let addr = entry.parse().map_err(|_| invalid())?;
    Ok((addr, addr))
}
