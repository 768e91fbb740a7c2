//! A keyed hash of the target, which an answer must repeat.

use std::fmt;
use std::io;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use super::attempt::Attempt;
use super::ports::SourcePorts;

/// The key of a scan. Whoever knows it can forge answers; it is neither shown nor stored.
#[derive(Clone)]
pub struct CookieKey([u8; 16]);

impl CookieKey {
    /// A key that nobody can guess, from the system.
    ///
    /// # Errors
    ///
    /// When the system has no randomness to give.
    pub fn random() -> io::Result<Self> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(io::Error::from)?;
        Ok(Self(key))
    }

    /// A key that is known, for tests that must go the same way each time.
    pub fn fixed(key: [u8; 16]) -> Self {
        Self(key)
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey(..)")
    }
}

/// What a probe carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The sequence number: 32 bits that an answer must repeat, plus one.
    pub seq: u32,
    /// The source port, one of the attempt's block: about 10 bits more.
    pub source_port: u16,
    /// The identification of the IP packet. Only errors repeat it, and some routers rewrite it, so
    /// it is not asked for; being keyed, it marks the probes for nobody.
    pub id: u16,
}

/// Makes cookies, and knows them again.
///
/// The hash is SipHash-2-4 (Aumasson and Bernstein, 2012) of target and attempt. An off-path
/// attacker who sends ten million guesses to the right port has one chance in 430 that one is
/// right, and must also name a target of the chunk.
#[derive(Clone, Debug)]
pub struct Cookies {
    hasher: Keyed,
    ports: SourcePorts,
}

#[derive(Clone)]
struct Keyed(SipHasher24);

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SipHash-2-4")
    }
}

impl Cookies {
    /// Cookies under `key`, from `ports`.
    pub fn new(key: &CookieKey, ports: SourcePorts) -> Self {
        Self {
            hasher: Keyed(SipHasher24::new_with_key(&key.0)),
            ports,
        }
    }

    /// The ports that probes come from.
    pub fn ports(&self) -> &SourcePorts {
        &self.ports
    }

    /// The cookie of the `attempt` at `addr` and `port`.
    pub fn cookie(&self, addr: IpAddr, port: u16, attempt: Attempt) -> Cookie {
        let attempt = match attempt {
            Attempt::Canary(round) => Attempt::Canary(round % self.ports.canary_rounds()),
            pass @ Attempt::Pass(_) => pass,
        };
        let hash = self.hash(addr, port, attempt);
        Cookie {
            seq: hash as u32,
            source_port: self.ports.port(attempt, (hash >> 32) as u16),
            id: (hash >> 48) as u16,
        }
    }

    /// The attempt at `addr` and `port` that was sent from `source_port` with sequence number
    /// `seq`, if there was or may have been one.
    pub fn recognise(
        &self,
        addr: IpAddr,
        port: u16,
        source_port: u16,
        seq: u32,
    ) -> Option<Attempt> {
        let attempt = self.ports.attempt(source_port)?;
        let cookie = self.cookie(addr, port, attempt);
        (cookie.seq == seq && cookie.source_port == source_port).then_some(attempt)
    }

    fn hash(&self, addr: IpAddr, port: u16, attempt: Attempt) -> u64 {
        let [high, low] = port.to_be_bytes();
        // Passes are fewer than 128, and rounds of canaries are not more: see `SourcePorts`.
        let attempt = match attempt {
            Attempt::Pass(pass) => pass & 0x7f,
            Attempt::Canary(round) => 0x80 | (round & 0x7f) as u8,
        };
        match addr {
            // Seven bytes: with its length that is one block, the least that SipHash takes.
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                self.hasher.0.hash(&[a, b, c, d, high, low, attempt])
            }
            IpAddr::V6(v6) => {
                let mut bytes = [0; 19];
                let (head, tail) = bytes.split_at_mut(16);
                head.copy_from_slice(&v6.octets());
                tail.copy_from_slice(&[high, low, attempt]);
                self.hasher.0.hash(&bytes)
            }
        }
    }
}
