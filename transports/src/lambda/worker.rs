//! A worker as a function.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{join, select};
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use task_core::Timestamp;
use task_core::WorkerKind;
use task_core::manager::StopHandle;
use task_core::ports::objects::Objects;
use task_core::ports::runtime::TokioRuntime;
use task_core::ports::transport::{Delivery, Transport};
use task_core::worker::{Worker, WorkerLoop};

use super::event::Event;
use super::{EventCarrier, EventError, Failures, Handler};

/// Runs the tasks of each event, all at once, and ends before Lambda would end it.
///
/// When time runs out, tasks are told to leave: they hand back a cursor, and what has none is
/// given back to the queue.
#[derive(Debug)]
pub struct LambdaWorker {
    kind: WorkerKind,
    worker: Arc<dyn Worker>,
    carrier: EventCarrier,
    objects: Option<(Arc<dyn Objects>, Duration)>,
    grace: Duration,
}

/// What is kept for the answer, after the tasks have had their grace.
const MARGIN: Duration = Duration::from_secs(1);

impl LambdaWorker {
    /// A worker of this kind, which sends by `transport`.
    pub fn new(kind: WorkerKind, worker: Arc<dyn Worker>, transport: Arc<dyn Transport>) -> Self {
        Self {
            kind,
            worker,
            carrier: EventCarrier::new(transport, kind.queue()),
            objects: None,
            grace: Duration::from_secs(5),
        }
    }

    /// Where to hear of cancellations, and how often to listen.
    #[must_use]
    pub fn cancellations(mut self, objects: Arc<dyn Objects>, every: Duration) -> Self {
        self.objects = Some((objects, every));
        self
    }

    /// How long before the end of the function tasks are told to leave. Default: 5 s, and a
    /// second for the answer.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

impl Handler for LambdaWorker {
    /// # Errors
    ///
    /// [`EventError`] if the event is neither of SQS nor a direct invocation; and if it is one that
    /// was given back, for nothing else makes Lambda repeat it.
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Failures, lambda_runtime::Error> {
        let (event, context) = event.into_parts();
        let (deliveries, direct): (Vec<Delivery>, bool) = match Event::parse(event)? {
            Event::Messages(sent) => (sent.into_iter().map(|(it, _)| it).collect(), false),
            Event::Direct(delivery) => (vec![delivery], true),
            Event::Tick => return Err(EventError::Schedule(self.kind).into()),
        };
        // One for each event: a frozen environment keeps no time.
        let runtime = Arc::new(TokioRuntime::new());
        let end = Timestamp::from_millis(context.deadline);
        let count = deliveries.len();
        self.carrier.begin(deliveries);
        let (handle, stop) = StopHandle::new();
        let mut run = WorkerLoop::new(
            self.kind,
            Arc::clone(&self.worker),
            Arc::new(self.carrier.clone()),
            runtime,
        )
        .concurrency(count)
        .grace(self.grace)
        .stop_at(Timestamp::from_millis(
            context.deadline.saturating_sub(MARGIN.as_millis() as u64),
        ));
        if let Some((objects, every)) = &self.objects {
            run = run.cancellations(Arc::clone(objects), *every);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = Timestamp::from_millis(now.unwrap_or_default().as_millis() as u64);
        let left = end.since(now).saturating_sub(self.grace + MARGIN);
        let watch = async {
            let settled = std::pin::pin!(self.carrier.settled());
            select(settled, std::pin::pin!(tokio::time::sleep(left))).await;
            handle.stop();
        };
        join(run.run(stop), watch).await;
        let failures = self.carrier.end();
        if direct && failures.ids().next().is_some() {
            return Err(EventError::GivenBack.into());
        }
        Ok(failures)
    }
}
