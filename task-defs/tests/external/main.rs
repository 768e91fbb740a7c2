//! The External half of the robots family, run by the stock worker over carriers in memory. No
//! name resolves: the name server is one of the tests' own.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod bench;
mod generator;
mod scan;
#[cfg(unix)]
mod starved;
