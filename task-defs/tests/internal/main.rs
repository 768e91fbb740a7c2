//! The definitions that read and write task data, run by the stock worker over a data store that
//! holds one data set.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod aggregate;
mod bench;
mod data;
