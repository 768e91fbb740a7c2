//! The recon tasks and models in a whole engine.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]
#![cfg(feature = "sqlite")]

mod bad_input;
mod models;
mod news;
mod support;
