//! Links, through their public interface.

#[cfg(target_os = "linux")]
mod af_packet;
mod batch;
mod decorators;
mod frames;
mod memory;
