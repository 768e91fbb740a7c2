//! The suite of the store port.
//!
//! Each function holds a store against one promise of [`Store`], [`StoreTx`] or [`DataStore`], and
//! panics with the promise if it is broken. [`run_all`] runs them all, each against an empty store
//! of its own.
//!
//! [`StoreTx`]: crate::ports::store::StoreTx
//! [`DataStore`]: crate::ports::data::DataStore

mod atomic;
mod concurrent;
mod data;
mod due;
pub(super) mod fixture;
mod tasks;
mod texts;
mod tree;

use std::sync::Arc;

use crate::ports::store::Store;

pub use atomic::{committed_work_is_seen_at_once, dropped_work_is_undone, reads_see_own_writes};
pub use concurrent::{no_update_is_lost, nothing_uncommitted_is_seen};
pub use data::{
    a_data_set_has_a_name, a_generators_rows_are_its_own,
    a_resumed_attempt_removes_what_lies_ahead, pages_end_by_bytes, put_data_overwrites,
    rows_come_in_order_and_in_pages, values_are_fenced_and_overwritten, writers_are_fenced,
};
pub use due::{
    a_batch_leaves_the_outbox_in_parts, bare_metal_tasks_are_counted,
    due_containers_and_collections_are_running, due_tasks_are_active, the_inbox_forgets,
    the_inbox_remembers, the_outbox_is_idempotent, the_outbox_is_ordered,
};
pub use tasks::{
    close_tasks_closes_and_counts, count_from_leaves_out_generators, empty_lists_do_nothing,
    inserting_tasks_says_what_is_new, long_lists_are_whole, troubles_are_told,
    updating_tasks_overwrites_their_status, waiting_tasks_come_by_ordinal,
};
pub use texts::{counters_reach_far, every_text_is_kept, large_payloads_are_kept};
pub use tree::{
    collections_come_newest_first, containers_come_parents_first, inserting_again_changes_nothing,
    tasks_have_names, updates_overwrite_what_changes,
};

/// Runs every check, each against a fresh, empty store from `make`.
///
/// # Panics
///
/// If a promise is broken.
pub async fn run_all(make: impl AsyncFn() -> Arc<dyn Store>) {
    macro_rules! run {
        ($($check:ident),* $(,)?) => {$( $check(&*make().await).await; )*};
    }
    run![
        committed_work_is_seen_at_once,
        dropped_work_is_undone,
        reads_see_own_writes,
        inserting_again_changes_nothing,
        updates_overwrite_what_changes,
        containers_come_parents_first,
        collections_come_newest_first,
        tasks_have_names,
        inserting_tasks_says_what_is_new,
        updating_tasks_overwrites_their_status,
        waiting_tasks_come_by_ordinal,
        count_from_leaves_out_generators,
        close_tasks_closes_and_counts,
        troubles_are_told,
        long_lists_are_whole,
        empty_lists_do_nothing,
        the_inbox_remembers,
        the_inbox_forgets,
        the_outbox_is_idempotent,
        the_outbox_is_ordered,
        a_batch_leaves_the_outbox_in_parts,
        due_tasks_are_active,
        due_containers_and_collections_are_running,
        bare_metal_tasks_are_counted,
        a_data_set_has_a_name,
        rows_come_in_order_and_in_pages,
        pages_end_by_bytes,
        put_data_overwrites,
        a_generators_rows_are_its_own,
        writers_are_fenced,
        a_resumed_attempt_removes_what_lies_ahead,
        values_are_fenced_and_overwritten,
        every_text_is_kept,
        large_payloads_are_kept,
        counters_reach_far,
    ];
    nothing_uncommitted_is_seen(make().await).await;
    no_update_is_lost(make().await).await;
}
