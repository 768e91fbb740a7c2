//! How to take back what an open transaction did.

use std::collections::BTreeMap;

use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::ports::data::RowKey;
use task_core::ports::store::{CollectionRow, ContainerRow, OutboxRow};
use task_core::time::Timestamp;

use super::record::Status;
use super::state::{Row, State};

/// One change, seen backwards.
pub(super) enum Undo {
    /// These were remembered at this time, last in its list.
    Remembered(Timestamp, Vec<MessageId>),
    Forgot(BTreeMap<Timestamp, Vec<MessageId>>),
    NewCollection(CollectionId),
    OldCollection(Box<CollectionRow>),
    NewContainer(ContainerId),
    OldContainer(Box<ContainerRow>),
    NewTask(TaskId),
    OldStatus(TaskId, Status),
    NewOutbox(TaskId, u32),
    OldOutbox(OutboxRow),
    Data(ContainerId, RowKey, Option<Box<Row>>),
}

impl Undo {
    pub(super) fn apply(self, state: &mut State) {
        match self {
            Self::Remembered(now, ids) => {
                if let Some(known) = state.inbox_by_time.get_mut(&now) {
                    known.truncate(known.len().saturating_sub(ids.len()));
                }
                for id in ids {
                    state.inbox.remove(&id);
                }
            }
            Self::Forgot(by_time) => {
                state.inbox.extend(by_time.values().flatten());
                state.inbox_by_time.extend(by_time);
            }
            Self::NewCollection(id) => {
                state.remove_collection(id);
            }
            Self::OldCollection(row) => {
                state.replace_collection(&row);
            }
            Self::NewContainer(id) => state.remove_container(id),
            Self::OldContainer(row) => {
                state.update_container(&row);
            }
            Self::NewTask(id) => state.remove_task(id),
            Self::OldStatus(id, status) => {
                state.set_status(id, status);
            }
            Self::NewOutbox(task, attempt) => {
                state.remove_outbox(task, attempt);
            }
            Self::OldOutbox(row) => {
                state.insert_outbox(row);
            }
            Self::Data(container, key, row) => {
                state.set_row(container, key, row.map(|row| *row));
            }
        }
    }
}
