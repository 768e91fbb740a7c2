//! The packet engine against networks in memory: what is found is held against what is there.
#![cfg(feature = "packet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod adapt;
mod bed;
mod behind;
mod classes;
mod far_end;
mod flap;
mod hostile;
mod netsim;
mod pace;
mod reach;
mod resume;
mod support;
mod threads;
