//! The loop that all scan families share, run by the stock worker in virtual time.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod bench;
mod drained;
mod machine;
mod ports;
mod slow_store;
mod starved;
mod versions;
