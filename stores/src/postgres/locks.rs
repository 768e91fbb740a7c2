//! Who may touch what: one lock per family, held until the end of the transaction.
//!
//! Everything that belongs to a collection has the first 48 bits of its id in common. A
//! transaction locks this family before it reads or writes anything of it. So what it has read
//! stays true until it commits, whoever else is at work, and there is no need to find out at the
//! end that it did not. Managers that work on one collection wait for each other, which they would
//! have to at its counters anyway, but nothing that one of them has done is ever thrown away.
//!
//! The locks are advisory ones: they exist before the rows do, so that two submissions of one
//! collection wait for each other, too. Families share 2^[`STRIPE_BITS`] of them, so that a batch that
//! touches a hundred thousand collections does not fill the server's table of locks.
//!
//! Who takes locks in one order cannot be locked out. Within a statement they are taken in order.
//! A statement whose locks lie before one that is held already waits only [`PATIENCE`], then the
//! transaction conflicts and is run again: by then the other one is through.

use std::collections::BTreeSet;

use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::ports::store::StoreError;

use super::session::Session;

/// Locks at most, in the whole database: two to the power of this.
const STRIPE_BITS: u32 = 10;
/// What advisory locks of this store have as their first half: "srti".
const SPACE: i32 = 0x7372_7469;
/// How long to wait for a lock out of order.
const PATIENCE: &str = "SET LOCAL lock_timeout = '100ms'";
/// As long as it takes, or as the session says.
const NO_HURRY: &str = "SET LOCAL lock_timeout TO DEFAULT";

/// What belongs together: a collection and everything below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Family(i32);

impl Family {
    fn of(id: &[u8; 16]) -> Self {
        let mut family = [0; 8];
        family[2..].copy_from_slice(&id[..6]);
        // Part of the protocol between managers: all of them must come to the same stripe.
        let spread = u64::from_be_bytes(family).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((spread >> (u64::BITS - STRIPE_BITS)) as i32)
    }
}

/// The families of ids, each once where it mostly is: neighbours mostly are of one.
pub(super) fn families<'i, I: 'i>(ids: impl IntoIterator<Item = &'i I>) -> Vec<Family>
where
    Family: From<&'i I>,
{
    let mut families: Vec<Family> = Vec::new();
    for id in ids {
        let family = Family::from(id);
        if families.last() != Some(&family) {
            families.push(family);
        }
    }
    families
}

impl From<&CollectionId> for Family {
    fn from(id: &CollectionId) -> Self {
        Self::of(id.as_bytes())
    }
}

impl From<&ContainerId> for Family {
    fn from(id: &ContainerId) -> Self {
        Self::of(id.as_bytes())
    }
}

impl From<&TaskId> for Family {
    fn from(id: &TaskId) -> Self {
        Self::of(id.as_bytes())
    }
}

/// The locks that a transaction holds.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: BTreeSet<Family>,
}

impl Locks {
    /// The locks to take, in order, and whether they lie behind all that are held.
    fn missing(&self, families: Vec<Family>) -> (BTreeSet<Family>, bool) {
        let missing: BTreeSet<Family> = families
            .into_iter()
            .filter(|family| !self.held.contains(family))
            .collect();
        let in_order = match (self.held.last(), missing.first()) {
            (Some(held), Some(first)) => held < first,
            _ => true,
        };
        (missing, in_order)
    }
}

impl Session {
    /// Locks families that are not locked yet.
    pub(super) async fn lock(&mut self, families: Vec<Family>) -> Result<(), StoreError> {
        let (mut missing, in_order) = self.locks.missing(families);
        if missing.is_empty() {
            return Ok(());
        }
        let keys: Vec<i32> = missing.iter().map(|family| family.0).collect();
        if in_order {
            self.execute(sqlx::query(LOCK).bind(SPACE).bind(keys))
                .await?;
        } else {
            let at_once = sqlx::query(TRY_LOCK).bind(SPACE).bind(keys.clone());
            if !self.value::<bool>(at_once).await? {
                self.execute(sqlx::query(PATIENCE)).await?;
                self.execute(sqlx::query(LOCK).bind(SPACE).bind(keys))
                    .await?;
                self.execute(sqlx::query(NO_HURRY)).await?;
            }
        }
        self.locks.held.append(&mut missing);
        Ok(())
    }
}

const LOCK: &str = "SELECT count(pg_advisory_xact_lock($1, key)) FROM unnest($2::int4[]) AS key";
const TRY_LOCK: &str =
    "SELECT bool_and(pg_try_advisory_xact_lock($1, key)) FROM unnest($2::int4[]) AS key";

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn all_that_is_below_a_collection_is_of_its_family() {
        for n in 0..100u128 {
            let id = CollectionId::from_uuid(Uuid::from_u128(
                n.wrapping_mul(0x1234_5678_9abc_def0_1234),
            ));
            let family = Family::from(&id);
            assert_eq!(Family::from(&id.container(7)), family);
            assert_eq!(Family::from(&id.task(7)), family);
            assert_eq!(Family::from(&id.task(7).child(n as u32)), family);
        }
    }

    /// Managers of two releases must agree.
    #[test]
    fn a_stripe_never_changes() {
        let id = CollectionId::from_uuid(Uuid::from_u128(0x0193_0000_0001_7000_8000 << 48));
        let of =
            |millis: u128| Family::from(&CollectionId::from_uuid(Uuid::from_u128(millis << 80))).0;
        assert_eq!(Family::from(&id).0, of(0x0193_0000_0001));
        assert_eq!(
            [of(0), of(1), of(2), of(1_700_000_000_000)],
            [0, 632, 241, 840]
        );
    }

    #[test]
    fn what_is_held_is_not_taken_again_and_order_is_known() {
        let mut locks = Locks::default();
        let (missing, in_order) = locks.missing(vec![Family(5), Family(3), Family(5)]);
        assert!(in_order && missing.iter().eq(&[Family(3), Family(5)]));
        locks.held = missing;
        assert!(locks.missing(vec![Family(5), Family(3)]).0.is_empty());
        assert!(locks.missing(vec![Family(6), Family(3)]).1);
        assert!(!locks.missing(vec![Family(6), Family(4)]).1);
    }
}
