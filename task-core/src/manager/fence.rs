//! Fences: what lets only the holder of an envelope complete its task.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use crate::envelope::Fence;
use crate::id::TaskId;

/// The key of a deployment's fences. All its managers share it; no worker has it.
#[derive(Clone, Copy)]
pub struct FenceKey([u8; 16]);

impl FenceKey {
    /// From 16 secret random bytes.
    pub const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// The fence of one attempt: SipHash-2-4, a keyed pseudo-random function.
    pub(crate) fn fence(&self, task: TaskId, attempt: u32) -> Fence {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(task.as_bytes());
        hasher.write_u32(attempt.to_be());
        Fence(hasher.finish())
    }
}

/// Never shows the key.
impl fmt::Debug for FenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FenceKey(…)")
    }
}
