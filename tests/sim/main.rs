//! The engine under simulation, and the simulation itself.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

// The name by which the tests of the stores know themselves, whose server this is.
#[cfg(feature = "postgres")]
extern crate stores as sortie_stores;

mod certified;
mod mutants;
#[cfg(feature = "postgres")]
mod on_postgres;
mod replay;
#[cfg(feature = "scan")]
mod scans;
#[cfg(feature = "postgres")]
#[path = "../../stores/tests/server/mod.rs"]
mod server;
mod stock_data;
mod stock_recon;
mod use_of;
