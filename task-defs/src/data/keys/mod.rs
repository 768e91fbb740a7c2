//! Keys of rows, many of them.

mod chunk;
mod digest;
mod run;
mod set;

pub(super) use chunk::{add, look_up, next_chunk};
pub(super) use digest::Digest;
pub(super) use set::KeySet;
