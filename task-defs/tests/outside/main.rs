//! What asks and tells others: sources and notifications, run by the stock worker against servers
//! of the tests' own on loopback.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod bench;
mod censys;
mod crtsh;
mod lab;
mod limits;
#[cfg(target_os = "linux")]
mod memory;
mod notify;
mod resume;
mod rows;
mod secrets;
mod server;
mod shodan;
mod tls;
