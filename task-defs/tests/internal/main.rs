//! The definitions that read and write task data, run by the stock worker over a data store that
//! holds two data sets.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod aggregate;
mod bad_input;
mod bench;
mod data;
mod files;
mod filters;
#[cfg(feature = "scan")]
mod generators;
mod pieces;
