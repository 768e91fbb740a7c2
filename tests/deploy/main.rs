//! The rights of a deployment: what the README of `deploy/` says of them, and what must never be
//! among them. `deploy/check` tests the rest of the infrastructure.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod policy;
mod rights;
mod table;
