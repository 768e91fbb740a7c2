//! The engine under simulation, and the simulation itself.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod certified;
mod mutants;
#[cfg(feature = "postgres")]
mod on_postgres;
mod replay;
#[cfg(feature = "scan")]
mod scans;
#[cfg(feature = "postgres")]
#[path = "../../stores/tests/server/own.rs"]
mod server;
mod stock_data;
mod stock_recon;
mod use_of;
