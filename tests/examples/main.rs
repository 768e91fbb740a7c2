//! The examples as their users run them: whole processes, with real sockets and real files.
//!
//! `robots` is killed, interrupted, starved of disk space, given nonsense, and run twice at once;
//! `syn` is interrupted and given nonsense.
//! The programs are those of the last build: `./test`, and `cargo test`, build them before;
//! `cargo test --test examples` does not, so run `cargo build --examples` first.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]
#![cfg(all(feature = "sqlite", feature = "robots"))]

mod bad_input;
mod domains;
mod forbidden;
mod full_disk;
mod interrupt;
mod kill;
#[cfg(feature = "aws-postgres")]
mod localstack;
mod recon;
mod report;
mod small;
mod snapshot;
mod support;
#[cfg(all(feature = "packet", target_os = "linux"))]
mod syn;
mod two;
