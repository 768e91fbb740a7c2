//! Shares of all collections: who takes turns with whom.

use crate::id::{CollectionId, ContainerId, TaskId};

/// One of [`COUNT`](Self::COUNT) shares of all collections, with all that belongs to them.
///
/// Transactions on one collection take turns, as they move the same counters. A store that has them
/// wait by locks of its own locks stripes, so that a batch which touches a hundred thousand
/// collections does not take as many; and a manager that applies several batches at once gives no
/// stripe to two of them, so that none waits for the other.
///
/// It is a hash of the first 48 bits of an id, which are those of its collection: the millisecond of
/// its submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stripe(u16);

impl Stripe {
    /// How many there are.
    pub const COUNT: u16 = 1 << BITS;

    fn of(id: &[u8; 16]) -> Self {
        let mut family = [0; 8];
        family[2..].copy_from_slice(&id[..6]);
        // Part of the protocol between managers: all of them must come to the same stripe.
        let spread = u64::from_be_bytes(family).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((spread >> (u64::BITS - BITS)) as u16)
    }

    /// Which one, less than [`COUNT`](Self::COUNT).
    pub const fn index(self) -> u16 {
        self.0
    }
}

const BITS: u32 = 10;

impl From<&CollectionId> for Stripe {
    fn from(id: &CollectionId) -> Self {
        Self::of(id.as_bytes())
    }
}

impl From<&ContainerId> for Stripe {
    fn from(id: &ContainerId) -> Self {
        Self::of(id.as_bytes())
    }
}

impl From<&TaskId> for Stripe {
    fn from(id: &TaskId) -> Self {
        Self::of(id.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn all_that_is_below_a_collection_is_of_its_stripe() {
        for n in 0..100u128 {
            let id = CollectionId::from_uuid(Uuid::from_u128(
                n.wrapping_mul(0x1234_5678_9abc_def0_1234),
            ));
            let stripe = Stripe::from(&id);
            assert_eq!(Stripe::from(&id.container(7)), stripe);
            assert_eq!(Stripe::from(&id.task(7)), stripe);
            assert_eq!(Stripe::from(&id.task(7).child(n as u32)), stripe);
        }
    }

    /// Managers of two releases must agree.
    #[test]
    fn a_stripe_never_changes() {
        let of = |millis: u128| {
            let id = CollectionId::from_uuid(Uuid::from_u128(millis << 80));
            Stripe::from(&id).index()
        };
        assert_eq!(
            [of(0), of(1), of(2), of(1_700_000_000_000)],
            [0, 632, 241, 840]
        );
    }
}
