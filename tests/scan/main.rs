//! The scan families in a whole engine: on the lab, whose answers are known, and on sockets of
//! this test.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]
#![cfg(any(feature = "robots", feature = "scan"))]

mod bad_input;
mod chain;
mod failing;
mod names;
#[cfg(target_os = "linux")]
mod packets;
mod ports;
mod servers;
mod support;
mod web;
