//! The ports that probes come from.

use std::ops::RangeInclusive;

use super::attempt::Attempt;

/// A range of source ports, cut into a block for each pass and one for canaries.
///
/// Choose ports that the system does not hand out itself (`ip_local_port_range`); the default,
/// 61,000 to 65,535, is above the range of Linux.
///
/// ```
/// use sortie_scanners::probe::{Attempt, SourcePorts};
///
/// let ports = SourcePorts::new(40_000..=40_299, 2)?;
/// assert!((40_000..40_100).contains(&ports.port(Attempt::Pass(0), u16::MAX)));
/// assert_eq!(ports.attempt(40_100), Some(Attempt::Pass(1)));
/// assert_eq!(ports.attempt(40_203), Some(Attempt::Canary(3)));
/// assert_eq!(ports.attempt(40_300), None);
/// # Ok::<(), sortie_scanners::probe::TooFewPorts>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePorts {
    first: u16,
    passes: u8,
    /// Ports in a block.
    block: u16,
}

/// There are too few source ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found} source ports are too few for {passes} passes: {wanted} are needed, 16 for each pass \
     and for canaries"
)]
pub struct TooFewPorts {
    /// How many there are.
    pub found: u32,
    /// How many are needed.
    pub wanted: u32,
    /// How many passes there are.
    pub passes: u8,
}

impl SourcePorts {
    /// What the default is cut from.
    pub const DEFAULT: RangeInclusive<u16> = 61_000..=65_535;

    /// Fewest ports in a block.
    const MIN_BLOCK: u32 = 16;

    /// Cuts `range` into blocks for `passes` passes, at least one.
    ///
    /// # Errors
    ///
    /// [`TooFewPorts`] when a block would have fewer than 16 ports.
    pub fn new(range: RangeInclusive<u16>, passes: u8) -> Result<Self, TooFewPorts> {
        let passes = passes.max(1);
        let found = range.len() as u32;
        let blocks = u32::from(passes) + 1;
        let wanted = blocks * Self::MIN_BLOCK;
        if found < wanted {
            return Err(TooFewPorts {
                found,
                wanted,
                passes,
            });
        }
        Ok(Self {
            first: *range.start(),
            passes,
            // At most half of 2^16.
            block: (found / blocks) as u16,
        })
    }

    /// The most passes that there are ports for in `range`; 0 where it is too small for any.
    pub fn most_passes(range: &RangeInclusive<u16>) -> u8 {
        let blocks = range.len() as u32 / Self::MIN_BLOCK;
        u8::try_from(blocks.saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// How many passes it was cut for.
    pub fn passes(&self) -> u8 {
        self.passes
    }

    /// All ports that are in use.
    pub fn range(&self) -> RangeInclusive<u16> {
        // All 2^16 of them are one more than fit.
        let last = self.block * u16::from(self.passes) + (self.block - 1);
        self.first..=self.first + last
    }

    /// The port for `attempt`; which one of the block, `choice` decides. A pass that was not
    /// planned for uses the ports of the last one.
    pub fn port(&self, attempt: Attempt, choice: u16) -> u16 {
        match attempt {
            Attempt::Pass(pass) => {
                let pass = pass.min(self.passes - 1);
                let scaled = (u32::from(choice) * u32::from(self.block)) >> 16;
                // Less than a block.
                self.first + u16::from(pass) * self.block + scaled as u16
            }
            Attempt::Canary(round) => {
                self.first + u16::from(self.passes) * self.block + round % self.canary_rounds()
            }
        }
    }

    /// The attempt that uses `port`, if any does. Rounds of canaries start again after
    /// [`canary_rounds`](Self::canary_rounds).
    pub fn attempt(&self, port: u16) -> Option<Attempt> {
        let offset = port.checked_sub(self.first)?;
        let block = offset / self.block;
        match u8::try_from(block) {
            Ok(pass) if pass < self.passes => Some(Attempt::Pass(pass)),
            Ok(pass) if pass == self.passes => {
                let round = offset % self.block;
                (round < self.canary_rounds()).then_some(Attempt::Canary(round))
            }
            _ => None,
        }
    }

    /// How many rounds of canaries can be told apart: one for each port of their block, up to 128.
    pub fn canary_rounds(&self) -> u16 {
        self.block.min(128)
    }
}
