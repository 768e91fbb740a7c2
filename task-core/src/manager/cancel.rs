//! `CancelCollection`: what is not done becomes `Disabled`.

use crate::message::CancelCollection;
use crate::ports::store::StoreError;
use crate::state::TaskState;

use super::work::Work;

impl Work<'_> {
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
            // One that was never submitted, or is over, needs no cancelling.
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
