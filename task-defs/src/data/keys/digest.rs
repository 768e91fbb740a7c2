//! What stands for a key.

use std::io::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::data::canonical;
use crate::data::pointer::Pointer;

/// The SHA-256 of the values at some places of a row. Two rows with one digest have the same
/// values there: nobody has found two texts that share a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::data) struct Digest(pub(super) [u8; Self::BYTES]);

impl Digest {
    pub(super) const BYTES: usize = 32;

    /// The digest of the JSON texts of the values at `places`. A place without a value differs
    /// from every value.
    pub(in crate::data) fn of<'a>(
        row: &Value,
        places: impl IntoIterator<Item = &'a Pointer>,
    ) -> Self {
        let mut hasher = Sha256::new();
        for place in places {
            if let Some(value) = place.find(row) {
                // Neither a value nor a hasher can fail to be written.
                let _ = canonical::write(value, &mut hasher);
            }
            // JSON in one line has none, so the texts cannot run into each other.
            let _ = hasher.write_all(b"\n");
        }
        Self(hasher.finalize().into())
    }

    /// Its first eight bytes, which sort as it does.
    pub(super) fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}
