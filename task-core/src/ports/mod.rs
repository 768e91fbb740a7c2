//! The ports: what the engine needs of the world, as object-safe traits.
//!
//! Each adapter lives in the crate named after its port (`transports`, `stores`, `fleet`) and
//! passes the suite of that port in [`conformance`](crate::conformance) (feature `conformance`).

pub mod data;
pub mod fleet;
pub mod objects;
pub mod recon;
pub mod runtime;
pub mod store;
pub mod transport;
