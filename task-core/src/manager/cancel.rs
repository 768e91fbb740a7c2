//! `CancelCollection`: what is not done becomes `Disabled`.

use std::collections::HashSet;

use crate::message::CancelCollection;
use crate::ports::store::StoreError;
use crate::state::TaskState;

use super::batch::{Arrival, Batch};
use super::work::Work;

impl Work<'_> {
    /// The messages of `part` without the cancellations of collections that nobody knows: these
    /// may have overtaken their submission, and must come again as if never seen.
    pub(super) async fn in_time(
        &mut self,
        part: &[Arrival],
        batch: &Batch,
    ) -> Result<Vec<Arrival>, StoreError> {
        if batch.cancellations.is_empty() {
            return Ok(part.to_vec());
        }
        let indices: HashSet<usize> = part.iter().map(|arrival| arrival.index).collect();
        let inside = |index: &usize| indices.contains(index);
        let of_part = batch
            .cancellations
            .iter()
            .filter(|(index, _)| inside(index));
        let wanted: Vec<_> = of_part
            .map(|(index, cancel)| (*index, cancel.collection_id))
            .collect();
        let ids: Vec<_> = wanted.iter().map(|(_, id)| *id).collect();
        self.read_collections(&ids).await?;
        let submitted: HashSet<_> = batch
            .submissions
            .iter()
            .filter(|(index, _)| inside(index))
            .map(|(_, submission)| submission.id())
            .collect();
        for (index, id) in wanted {
            if !self.collections.contains_key(&id) && !submitted.contains(&id) {
                self.early.insert(index);
            }
        }
        let in_time = part
            .iter()
            .filter(|arrival| !self.early.contains(&arrival.index));
        Ok(in_time.copied().collect())
    }

    pub(super) async fn cancel(
        &mut self,
        cancellations: impl Iterator<Item = &(usize, CancelCollection)>,
    ) -> Result<(), StoreError> {
        if mutant!(CancelIgnored) {
            return Ok(());
        }
        let ids: Vec<_> = cancellations
            .map(|(_, cancel)| cancel.collection_id)
            .collect();
        self.read_collections(&ids).await?;
        for id in ids {
            // One that is over needs no cancelling.
            if self
                .collections
                .get(&id)
                .is_some_and(|c| !c.state.is_terminal())
            {
                self.collection(id)?.cancelled = true;
                self.cancelled.insert(id);
                self.end_collection(id, TaskState::Disabled).await?;
            }
        }
        Ok(())
    }
}
