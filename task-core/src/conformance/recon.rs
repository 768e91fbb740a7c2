//! The suite of the recon port.
//!
//! Each function holds a store against one promise of [`ReconStore`] and panics with the promise
//! if it is broken. [`run_all`] runs them all, each against an empty store of its own.

mod fixture;
mod listing;
mod observing;

use std::sync::Arc;

use crate::ports::data::Writer;
use crate::ports::recon::ReconStore;
use crate::ports::store::Store;

pub use listing::{
    models_lie_apart, pages_follow_one_another, queries_find_what_they_ask_for,
    queries_that_do_not_fit_are_refused, references_follow_the_row,
};
pub use observing::{
    a_course_reports_a_row_once, a_refused_batch_leaves_nothing,
    an_attempt_after_a_failed_one_reports_the_same, observations_merge, observers_are_fenced,
    observing_says_what_it_changed, sets_grow, twins_report_a_row_once_each,
    what_is_gone_is_cleared, writers_of_one_key_follow_one_another,
};

/// A store under test: the tasks that observe, and what they observe.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where the tasks are, for fencing.
    pub store: Arc<dyn Store>,
    /// The recon data of the same store.
    pub recon: Arc<dyn ReconStore>,
}

impl Subject {
    /// Both sides of one store.
    pub fn new<S: Store + ReconStore>(store: S) -> Self {
        let store = Arc::new(store);
        Self {
            store: Arc::clone(&store) as _,
            recon: store,
        }
    }
}

/// A task that runs, and may write: for benchmarks and tests of one's own. Once per store.
pub async fn running_writer(subject: &Subject) -> Writer {
    let tasks = fixture::observers(subject).await;
    super::store::fixture::writer(&tasks[0], 1)
}

/// Runs every check, each against a fresh, empty store from `make`.
///
/// # Panics
///
/// If a promise is broken.
pub async fn run_all(make: impl AsyncFn() -> Subject) {
    macro_rules! run {
        ($($check:ident),* $(,)?) => {$( $check(&make().await).await; )*};
    }
    run![
        observing_says_what_it_changed,
        observations_merge,
        what_is_gone_is_cleared,
        sets_grow,
        an_attempt_after_a_failed_one_reports_the_same,
        a_course_reports_a_row_once,
        twins_report_a_row_once_each,
        observers_are_fenced,
        a_refused_batch_leaves_nothing,
        writers_of_one_key_follow_one_another,
        queries_find_what_they_ask_for,
        queries_that_do_not_fit_are_refused,
        pages_follow_one_another,
        references_follow_the_row,
        models_lie_apart,
    ];
}
