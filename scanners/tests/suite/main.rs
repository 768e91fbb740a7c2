//! What the scanners do against real sockets on loopback. One binary, so that it links once.
#![cfg(feature = "http")]

mod robots_outcomes;
mod support;
