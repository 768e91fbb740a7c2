//! Targets: which addresses and ports, in which order, and in which portions.
//!
//! A [`TargetSet`] is every admitted address times every port. It is built through a
//! [`Scope`](crate::scope::Scope), whose rules are applied to the set itself, so what is denied has
//! no index and cannot come out. Each [`Target`] has an index, and a [`Permutation`] that follows
//! from a seed puts the indices in an order that spreads over all networks at once. A [`Chunk`] is
//! a seed and a range of positions in that order: the unit of work, of retry and of resume.
//! Nothing of this takes memory for each target, and every step can be undone: from an answer's
//! address and port follows its position.
//!
//! ```
//! use std::collections::HashSet;
//! use sortie_scanners::scope::Scope;
//! use sortie_scanners::target::{Chunk, TargetSet};
//!
//! let scope = Scope::builder().allow_net("198.18.0.0/15".parse::<ipnet::IpNet>()?).build()?;
//! let targets = TargetSet::builder().addrs("198.18.0.0/24").ports("80, 8000-8003").build(&scope)?;
//! assert_eq!(targets.len(), 256 * 5);
//!
//! // Three machines, each with a third: together they visit everything, and nothing twice.
//! let mut seen = HashSet::new();
//! for chunk in Chunk::all(&targets, 42).split(3) {
//!     let chunk = targets.chunk(&chunk)?;
//!     for position in 0..chunk.len() {
//!         let target = chunk.get(position).ok_or("a position in range")?;
//!         assert_eq!(chunk.position(target.addr(), target.port()), Some(position));
//!         assert!(seen.insert(target));
//!     }
//! }
//! assert_eq!(seen.len(), 256 * 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod addrs;
mod chunk;
mod divide;
mod error;
mod index;
mod permute;
mod ports;
mod set;

pub use addrs::parse_addrs;
pub use chunk::{Chunk, ChunkTargets};
pub use error::{InvalidChunk, InvalidTargets};
pub use permute::Permutation;
pub use ports::{PortSet, parse_port_ranges};
pub use set::{Target, TargetSet, TargetSetBuilder};
