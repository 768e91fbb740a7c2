//! Workers: what runs a dispatched task, and the loop around it.
//!
//! [`Worker`] is the pluggable part: one dispatched task in, its end out. [`StockWorker`] runs
//! registered definitions; a container or another language is another implementation.
//! [`WorkerLoop`] is the same around all of them: it polls a queue, extends leases while there is
//! progress, passes cancellations on, completes, acknowledges, and drains.

mod cancellations;
mod completer;
mod lease;
mod run;
mod stock;

use std::fmt;

use async_trait::async_trait;

pub use run::WorkerLoop;
pub use stock::StockWorker;

use crate::envelope::DispatchTask;
use crate::ledger::{Coverage, Usage};
use crate::message::Outcome;
use crate::payload::Payload;
use crate::ports::transport::ParkReason;
use crate::task::{Cancelled, Progress};
use crate::time::Timestamp;

/// Runs one dispatched task to its end.
///
/// - It may be called many times at once.
/// - It must not panic, whatever the envelope says: envelopes come from outside.
/// - It shows progress through [`Control::progress`]; without any for the length of the lease the
///   attempt is dropped and tried again elsewhere.
/// - Dropping the future stops the attempt.
#[async_trait]
pub trait Worker: fmt::Debug + Send + Sync + 'static {
    /// Runs the task.
    ///
    /// # Errors
    ///
    /// A typed reason to put the message aside, if this worker can never run it: an unknown kind,
    /// a newer version.
    async fn run(&self, task: DispatchTask, control: Control) -> Result<Completion, ParkReason>;
}

/// What the loop lends to one attempt.
#[derive(Clone, Debug)]
pub struct Control {
    /// Shows that work goes on.
    pub progress: Progress,
    /// Says that the task should stop.
    pub cancelled: Cancelled,
    /// When the attempt will be stopped, if there is a limit.
    pub stop_at: Option<Timestamp>,
}

/// The end of an attempt, as a worker reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// What is stored as task data on the worker's behalf.
    pub data: Option<Payload>,
    /// What became of the task's targets.
    pub coverage: Coverage,
    /// What the attempt used.
    pub usage: Usage,
}

impl Completion {
    /// An end without data, coverage or usage.
    pub const fn bare(outcome: Outcome) -> Self {
        Self {
            outcome,
            data: None,
            coverage: Coverage::new(),
            usage: Usage {
                wall_ms: 0,
                bytes_in: 0,
                bytes_out: 0,
            },
        }
    }
}
