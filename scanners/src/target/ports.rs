//! Sets of ports.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::addrs::entries;
use super::error::InvalidTargets;

/// Ports, each once, in ascending order.
///
/// ```
/// use sortie_scanners::target::PortSet;
///
/// let ports: PortSet = "443, 80, 8000-8002".parse()?;
/// assert_eq!(ports.as_slice(), [80, 443, 8000, 8001, 8002]);
/// assert_eq!(ports.rank(8001), Some(3));
/// # Ok::<(), sortie_scanners::target::InvalidTargets>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSet(Vec<u16>);

impl PortSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ports, ascending.
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }

    /// How many ports of the set are lower than `port`, if `port` is in the set.
    pub fn rank(&self, port: u16) -> Option<usize> {
        self.0.binary_search(&port).ok()
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut ports: Vec<_> = ports.into_iter().collect();
        ports.sort_unstable();
        ports.dedup();
        Self(ports)
    }
}

/// Ports and ranges of ports, separated by commas or white space.
impl FromStr for PortSet {
    type Err = InvalidTargets;

    fn from_str(text: &str) -> Result<Self, InvalidTargets> {
        let ranges = parse_port_ranges(text).collect::<Result<Vec<_>, _>>()?;
        Ok(ranges.into_iter().flatten().collect())
    }
}

/// Reads ports and ranges of ports, separated by commas or white space, in the order of the text.
///
/// ```
/// use sortie_scanners::target::parse_port_ranges;
///
/// let ranges: Result<Vec<_>, _> = parse_port_ranges("443, 8000-8002").collect();
/// assert_eq!(ranges?, [443..=443, 8000..=8002]);
/// # Ok::<(), sortie_scanners::target::InvalidTargets>(())
/// ```
///
/// # Errors
///
/// [`InvalidTargets::Port`] for an entry that is neither, or that ends before it begins.
pub fn parse_port_ranges(
    text: &str,
) -> impl Iterator<Item = Result<RangeInclusive<u16>, InvalidTargets>> {
    entries(text).map(|entry| {
        let invalid = || InvalidTargets::Port(entry.to_owned());
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        let first: u16 = first.parse().map_err(|_| invalid())?;
        let last: u16 = last.parse().map_err(|_| invalid())?;
        if first > last {
            return Err(invalid());
        }
        Ok(first..=last)
    })
}
