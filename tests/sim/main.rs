//! The engine under simulation, and the simulation itself.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod certified;
mod mutants;
mod replay;
#[cfg(feature = "scan")]
mod scans;
mod stock_data;
mod stock_recon;
mod use_of;
