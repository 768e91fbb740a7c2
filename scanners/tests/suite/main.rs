//! What the scanners do against real sockets on loopback. One binary, so that it links once.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[cfg(feature = "tls")]
mod capturing;
mod connecting;
#[cfg(unix)]
mod exhaustion;
mod page_fetching;
mod resolving;
mod robots_batch;
mod robots_outcomes;
mod robots_redirects;
mod robots_schemes;
mod support;
