//! The engine as its users meet it, and as its enemies do: whole workflows, time limits, messages
//! that come twice or in any order, forged ones, crashes, and builders' mistakes.
//!
//! Two harnesses, both in virtual time: with the [`Bench`](support::bench::Bench) a test plays the
//! workers by hand, message by message; the [`Rig`](support::rig::Rig) runs real ones.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod support;

mod builder;
mod cancel;
mod conditions;
mod containers;
mod driver;
#[cfg(feature = "sqlite")]
mod durable;
mod faults;
mod forged;
mod found;
mod generators;
mod generators_odd;
mod loops;
mod plans;
mod plugged;
mod policies;
mod retries;
mod stock;
mod ticks;
mod workers;
