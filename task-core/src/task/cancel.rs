//! How a running task learns that it should stop.

use std::time::Duration;

use tokio::sync::watch;

use crate::id::CollectionId;

/// The object whose existence means that a collection was cancelled.
///
/// An External worker has no database and its heartbeats go one way, but every worker has the
/// object store; so that is where the manager leaves the word.
pub(crate) fn marker(collection: CollectionId) -> String {
    format!("cancelled/{collection}")
}

/// What an attempt has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    GoOn,
    Leave,
    Stop,
}

/// The sending side, held by who runs the attempt.
#[derive(Debug)]
pub(crate) struct CancelSignal(watch::Sender<Word>);

/// The receiving side, for the task: see [`TaskContext::cancelled`](super::TaskContext::cancelled)
/// and [`TaskContext::leaving`](super::TaskContext::leaving).
#[derive(Clone, Debug)]
pub struct Cancelled(watch::Receiver<Word>);

impl CancelSignal {
    pub(crate) fn new() -> (Self, Cancelled) {
        let (sender, receiver) = watch::channel(Word::GoOn);
        (Self(sender), Cancelled(receiver))
    }

    pub(crate) fn cancel(&self) {
        self.0.send_replace(Word::Stop);
    }

    pub(crate) fn leave(&self) {
        self.0.send_if_modified(|word| {
            let news = *word < Word::Leave;
            if news {
                *word = Word::Leave;
            }
            news
        });
    }
}

impl Cancelled {
    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow() == Word::Stop
    }

    /// Whether the worker is leaving.
    pub fn is_leaving(&self) -> bool {
        *self.0.borrow() >= Word::Leave
    }

    /// Completes when the task should stop; never, if it never should.
    pub async fn cancelled(self) {
        self.heard(Word::Stop).await;
    }

    /// Completes when the worker is leaving, or the task should stop.
    pub async fn leaving(self) {
        self.heard(Word::Leave).await;
    }

    async fn heard(mut self, least: Word) {
        if self.0.wait_for(|word| *word >= least).await.is_err() {
            // Who ran the attempt has gone without a word, and will drop the task as well.
            std::future::pending::<()>().await;
        }
    }
}

/// How often a worker looks for the word, unless told otherwise.
pub(crate) const DEFAULT_CANCEL_POLL: Duration = Duration::from_secs(5);
