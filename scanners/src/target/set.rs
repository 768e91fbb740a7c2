//! Sets of targets.

use std::fmt;
use std::hash::Hasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use crate::scope::{AddrSet, InScope, Scope};

use super::addrs::parse_addrs;
use super::divide::Divisor;
use super::error::InvalidTargets;
use super::index::AddrIndex;
use super::ports::PortSet;

/// An address and a port that may be probed: only a [`TargetSet`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    addr: IpAddr,
    port: u16,
}

impl Target {
    /// The address.
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Both, for scanners that take what was admitted one by one: the scope that the set was built
    /// through has admitted the address.
    pub fn in_scope(&self) -> InScope<SocketAddr> {
        InScope::mint(SocketAddr::new(self.addr, self.port))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr, self.port).fmt(f)
    }
}

/// Every admitted address times every port, numbered through: address by address, IPv4 first.
/// Cloning is cheap: the lists are shared.
#[derive(Clone, Debug)]
pub struct TargetSet(Arc<Lists>);

#[derive(Debug)]
struct Lists {
    v4: AddrIndex<u64>,
    v6: AddrIndex<u128>,
    ports: PortSet,
    by_ports: Divisor,
    refused: u128,
    fingerprint: u64,
}

impl TargetSet {
    /// Starts an empty description.
    pub fn builder() -> TargetSetBuilder {
        TargetSetBuilder::default()
    }

    /// What was admitted already, such as addresses that names in scope have led to.
    ///
    /// # Errors
    ///
    /// [`InvalidTargets::NoPorts`] and [`InvalidTargets::NoAddrs`] when there are none.
    ///
    /// ```
    /// use sortie_scanners::scope::Scope;
    /// use sortie_scanners::target::TargetSet;
    ///
    /// let scope = Scope::builder().allow_domain("example.com").build()?;
    /// let name = scope.admit_name("www.example.com")?;
    /// let led_to = [scope.admit_addr(&name, "93.184.216.34".parse()?)?];
    /// let targets = TargetSet::of(&led_to.into_iter().collect(), "80,443".parse()?)?;
    /// assert_eq!(targets.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(addrs: &InScope<AddrSet>, ports: PortSet) -> Result<Self, InvalidTargets> {
        if ports.is_empty() {
            return Err(InvalidTargets::NoPorts);
        }
        if addrs.get().is_empty() {
            return Err(InvalidTargets::NoAddrs);
        }
        Ok(Self::new(addrs.get(), ports, 0))
    }

    fn new(admitted: &AddrSet, ports: PortSet, refused: u128) -> Self {
        let (v4, v6) = (admitted.v4(), admitted.v6());
        Self(Arc::new(Lists {
            fingerprint: fingerprint(admitted, &ports),
            v4: AddrIndex::new(v4.map(|(a, b)| (a.to_bits().into(), b.to_bits().into()))),
            v6: AddrIndex::new(v6.map(|(a, b)| (a.to_bits(), b.to_bits()))),
            refused,
            by_ports: Divisor::new(ports.len() as u64),
            ports,
        }))
    }

    /// How many targets there are.
    pub fn len(&self) -> u128 {
        self.addrs() * self.0.ports.len() as u128
    }

    /// Never: a set without targets is not built.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How many addresses there are.
    pub fn addrs(&self) -> u128 {
        u128::from(self.0.v4.len()) + self.0.v6.len()
    }

    /// The addresses as ranges, the first and last of each: IPv4 before IPv6, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        // At most u32::MAX, because that is what went in.
        let v4 = |bits: u64| IpAddr::from(Ipv4Addr::from(bits as u32));
        let v6 = |bits: u128| IpAddr::from(Ipv6Addr::from(bits));
        let all_v4 = self.0.v4.ranges().map(move |(a, b)| (v4(a), v4(b)));
        all_v4.chain(self.0.v6.ranges().map(move |(a, b)| (v6(a), v6(b))))
    }

    /// How many addresses were asked for and are not there: the scope refuses them.
    pub fn refused_addrs(&self) -> u128 {
        self.0.refused
    }

    /// The ports.
    pub fn ports(&self) -> &PortSet {
        &self.0.ports
    }

    /// Whether there are IPv4 addresses.
    pub fn has_v4(&self) -> bool {
        self.0.v4.len() > 0
    }

    /// Whether there are IPv6 addresses.
    pub fn has_v6(&self) -> bool {
        self.0.v6.len() > 0
    }

    /// A number that sets with other addresses or ports do not share, but for one chance in 2⁶⁴.
    /// The same on every machine; for telling that a resumed scan is of the same targets.
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// The target with this index; `None` past the end.
    pub fn get(&self, index: u128) -> Option<Target> {
        let ports = self.0.ports.len();
        let (addr, port) = match u64::try_from(index) {
            Ok(index) => self.0.by_ports.divide(index),
            Err(_) => {
                let ports = ports as u128;
                return self.get_v6(index / ports, (index % ports) as usize);
            }
        };
        match self.0.v4.get(addr) {
            // At most u32::MAX, because that is what went in.
            Some(bits) => Some(Target {
                addr: Ipv4Addr::from(bits as u32).into(),
                port: *self.0.ports.as_slice().get(port)?,
            }),
            None => self.get_v6(addr.into(), port),
        }
    }

    fn get_v6(&self, addr: u128, port: usize) -> Option<Target> {
        let bits = self.0.v6.get(addr.checked_sub(self.0.v4.len().into())?)?;
        Some(Target {
            addr: Ipv6Addr::from(bits).into(),
            port: *self.0.ports.as_slice().get(port)?,
        })
    }

    /// The index of the target at `addr` and `port`, if it is in the set.
    pub fn index_of(&self, addr: IpAddr, port: u16) -> Option<u128> {
        let rank = match addr {
            IpAddr::V4(v4) => self.0.v4.rank(v4.to_bits().into())?.into(),
            IpAddr::V6(v6) => self.0.v6.rank(v6.to_bits())? + u128::from(self.0.v4.len()),
        };
        let port = self.0.ports.rank(port)?;
        Some(rank * self.0.ports.len() as u128 + port as u128)
    }
}

/// Describes a [`TargetSet`]. What it is told adds up.
///
/// ```
/// use sortie_scanners::scope::Scope;
/// use sortie_scanners::target::{InvalidTargets, TargetSet};
///
/// let scope = Scope::builder().allow_net("198.18.0.0/15".parse::<ipnet::IpNet>()?).build()?;
/// let targets = TargetSet::builder()
///     .addrs("198.17.255.0-198.18.0.255")
///     .except("198.18.0.13")
///     .ports("443")
///     .build(&scope)?;
/// assert_eq!((targets.addrs(), targets.refused_addrs()), (255, 256));
///
/// let outside = TargetSet::builder().addrs("192.0.2.0/24").ports("443").build(&scope);
/// assert_eq!(outside.err(), Some(InvalidTargets::NoneInScope { wanted: 256 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TargetSetBuilder {
    addrs: Vec<AddrSet>,
    except: Vec<AddrSet>,
    ports: Vec<PortSet>,
    /// The first thing that was wrong.
    error: Option<InvalidTargets>,
}

impl TargetSetBuilder {
    /// Adds addresses, nets and ranges; see [`parse_addrs`] for the form.
    pub fn addrs(mut self, text: &str) -> Self {
        let parsed = parse_addrs(text);
        self.keep(parsed, |builder| &mut builder.addrs);
        self
    }

    /// Adds a set of addresses.
    pub fn addr_set(mut self, set: AddrSet) -> Self {
        self.addrs.push(set);
        self
    }

    /// Takes addresses away, whatever else adds them; see [`parse_addrs`] for the form.
    pub fn except(mut self, text: &str) -> Self {
        let parsed = parse_addrs(text);
        self.keep(parsed, |builder| &mut builder.except);
        self
    }

    /// Adds ports and ranges of ports; see [`PortSet`] for the form.
    pub fn ports(mut self, text: &str) -> Self {
        let parsed = text.parse();
        self.keep(parsed, |builder| &mut builder.ports);
        self
    }

    /// Adds a set of ports.
    pub fn port_set(mut self, ports: PortSet) -> Self {
        self.ports.push(ports);
        self
    }

    fn keep<T>(&mut self, parsed: Result<T, InvalidTargets>, list: fn(&mut Self) -> &mut Vec<T>) {
        match parsed {
            Ok(value) => list(self).push(value),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }

    /// Builds the set of what `scope` admits.
    ///
    /// # Errors
    ///
    /// [`InvalidTargets`]: the first entry that could not be parsed, or that nothing is left.
    pub fn build(self, scope: &Scope) -> Result<TargetSet, InvalidTargets> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let ports = self.ports.iter().flat_map(PortSet::as_slice).copied();
        let ports: PortSet = ports.collect();
        if ports.is_empty() {
            return Err(InvalidTargets::NoPorts);
        }
        let wanted = union(&self.addrs).difference(&union(&self.except));
        if wanted.is_empty() {
            return Err(InvalidTargets::NoAddrs);
        }
        let admitted = scope.admit_set(&wanted)?;
        if admitted.get().is_empty() {
            let wanted = wanted.len();
            return Err(InvalidTargets::NoneInScope { wanted });
        }
        let refused = wanted.len() - admitted.get().len();
        Ok(TargetSet::new(admitted.get(), ports, refused))
    }
}

fn union(sets: &[AddrSet]) -> AddrSet {
    let v4 = sets
        .iter()
        .flat_map(AddrSet::v4)
        .map(|(a, b)| (a.into(), b.into()));
    let v6 = sets
        .iter()
        .flat_map(AddrSet::v6)
        .map(|(a, b)| (a.into(), b.into()));
    v4.chain(v6).collect()
}

fn fingerprint(addrs: &AddrSet, ports: &PortSet) -> u64 {
    let mut hasher = SipHasher13::new();
    for (first, last) in addrs.v4() {
        hasher.write(&first.octets());
        hasher.write(&last.octets());
    }
    hasher.write_u8(0);
    for (first, last) in addrs.v6() {
        hasher.write(&first.octets());
        hasher.write(&last.octets());
    }
    hasher.write_u8(0);
    for port in ports.as_slice() {
        hasher.write(&port.to_be_bytes());
    }
    hasher.finish()
}
