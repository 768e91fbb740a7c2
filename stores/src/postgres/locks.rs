//! Who may touch what: one lock per [`Stripe`], held until the end of the transaction.
//!
//! Everything that belongs to a collection is of its stripe. A transaction locks the stripe before it
//! reads or writes anything of it. So what it has read stays true until it commits, whoever else is
//! at work, and there is no need to find out at the end that it did not. Managers that work on one
//! collection wait for each other, which they would have to at its counters anyway, but nothing that
//! one of them has done is ever thrown away.
//!
//! The locks are advisory ones: they exist before the rows do, so that two submissions of one
//! collection wait for each other, too. Collections share [`Stripe::COUNT`] of them, so that a batch
//! that touches a hundred thousand does not fill the server's table of locks.
//!
//! Who takes locks in one order cannot be locked out. Within a statement they are taken in order.
//! A statement whose locks lie before one that is held already waits only [`PATIENCE`], then the
//! transaction conflicts and is run again: by then the other one is through.

use std::collections::BTreeSet;

use task_core::Stripe;
use task_core::ports::store::StoreError;

use super::session::Session;

/// What advisory locks of this store have as their first half: "srti".
const SPACE: i32 = 0x7372_7469;
/// How long to wait for a lock out of order.
const PATIENCE: &str = "SET LOCAL lock_timeout = '100ms'";
/// As long as it takes, or as the session says.
const NO_HURRY: &str = "SET LOCAL lock_timeout TO DEFAULT";

/// The stripes of ids, each once where it mostly is: neighbours mostly are of one.
pub(super) fn stripes<'i, I: 'i>(ids: impl IntoIterator<Item = &'i I>) -> Vec<Stripe>
where
    Stripe: From<&'i I>,
{
    let mut stripes: Vec<Stripe> = Vec::new();
    for id in ids {
        let stripe = Stripe::from(id);
        if stripes.last() != Some(&stripe) {
            stripes.push(stripe);
        }
    }
    stripes
}

/// The locks that a transaction holds.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: BTreeSet<Stripe>,
}

impl Locks {
    /// The locks to take, in order, and whether they lie behind all that are held.
    fn missing(&self, stripes: Vec<Stripe>) -> (BTreeSet<Stripe>, bool) {
        let missing: BTreeSet<Stripe> = stripes
            .into_iter()
            .filter(|stripe| !self.held.contains(stripe))
            .collect();
        let in_order = match (self.held.last(), missing.first()) {
            (Some(held), Some(first)) => held < first,
            _ => true,
        };
        (missing, in_order)
    }
}

impl Session {
    /// Locks stripes that are not locked yet.
    pub(super) async fn lock(&mut self, stripes: Vec<Stripe>) -> Result<(), StoreError> {
        let (mut missing, in_order) = self.locks.missing(stripes);
        if missing.is_empty() {
            return Ok(());
        }
        let keys: Vec<i32> = missing
            .iter()
            .map(|stripe| i32::from(stripe.index()))
            .collect();
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
    use task_core::id::CollectionId;
    use uuid::Uuid;

    use super::*;

    fn stripe(n: u128) -> Stripe {
        Stripe::from(&CollectionId::from_uuid(Uuid::from_u128(n << 80)))
    }

    #[test]
    fn what_is_held_is_not_taken_again_and_order_is_known() {
        let mut five: Vec<_> = (0..5).map(stripe).collect();
        five.sort_unstable();
        let [first, three, four, five, six] = five[..] else {
            unreachable!("there are five");
        };
        let mut locks = Locks::default();
        let (missing, in_order) = locks.missing(vec![five, three, five]);
        assert!(in_order && missing.iter().eq(&[three, five]));
        locks.held = missing;
        assert!(locks.missing(vec![five, three]).0.is_empty());
        assert!(locks.missing(vec![six, three]).1);
        assert!(!locks.missing(vec![six, four]).1);
        assert!(!locks.missing(vec![first]).1);
    }
}
