//! Simulation: a whole deployment in one thread, in virtual time, with faults from a seed.
//!
//! The manager, the workers and the stores are the real ones. Only what surrounds them is
//! simulated: the clock, the dice, the order in which things run, the machines, and the carrier's
//! and the store's bad days. One seed is one run: the same events in the same order, in every
//! process. See [`Fault`] for what goes wrong. Calls to the store and the carrier take some
//! milliseconds, so that machines get in each other's way and die in the middle of things.
//!
//! At every commit the run is held against the invariants: each task ends in one terminal state;
//! states only move forward; counters equal a recount; what stands behind a step starts when that
//! step is over; no more than `max_in_flight` run; nothing is acknowledged before it is settled;
//! an attempt that is over writes nothing. At the end: everything is terminal, the ledger is exact,
//! the outbox is empty, each row is there once. An engine that panics, keeps busy while no time
//! passes, or does not come to an end is found out, too.
//!
//! ```
//! use std::time::Duration;
//! use sortie::prelude::*;
//! use sortie::sim::{Faults, Sim};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Probe { host: String }
//!
//! impl TaskDefinition for Probe {
//!     const KIND: &'static str = "example.probe";
//!     type Requires = needs![];
//!     type Output = String;
//!
//!     async fn run(self, cx: TaskContext<Self::Requires>) -> Result<String, TaskError> {
//!         cx.sleep(Duration::from_secs(2)).await; // in virtual time
//!         Ok(self.host)
//!     }
//! }
//!
//! let workflow = Workflow::new("probes").task("one", Probe { host: "example.com".into() });
//! let report = Sim::new(7)
//!     .registry(registry![Probe])
//!     .workflow(workflow)
//!     .faults(Faults::aws())
//!     .run()?;
//! assert_eq!(report.result::<String>("one").as_deref(), Some("example.com"));
//! # Ok::<(), sortie::sim::SimError>(())
//! ```
//!
//! # What a definition must not do in a simulation
//!
//! It must take time and randomness from its context only. There is no tokio runtime: a definition
//! that opens sockets or asks tokio for the time fails there; register one that stands in for it,
//! under the same kind. `tokio::select!` needs `biased;`, or else it throws dice of its own.

mod audit;
mod blocking;
mod carrier;
mod chaos;
mod dice;
mod end;
mod faults;
mod forger;
mod generated;
mod keeper;
mod model;
mod objects;
mod paths;
mod play;
mod recon;
mod report;
mod run;
mod shrink;
mod site;
mod sweep;
mod transaction;
mod watch;
mod world;

pub use chaos::Injected;
pub use faults::{Fault, Faults};
pub use paths::Path;
pub use report::{SimError, SimReport, Violation};
pub use run::Sim;
pub use sweep::{base_seed, sweep};
