//! What a program needs when no Lambda calls it: to be told when to end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use task_core::envelope::DispatchTask;
use task_core::ports::transport::ParkReason;
use task_core::worker::{Completion, Control, Worker};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long tasks may go on after they were told to stop.
pub(super) const GRACE: Duration = Duration::from_secs(20);

/// How long a poll that is on its way is waited for in the end.
pub(super) const LAST_POLL: Duration = Duration::from_secs(2);

/// SIGTERM, and Ctrl-C.
pub(super) struct Signals(Signal, Signal);

impl Signals {
    /// From now on they end the process no more.
    pub(super) fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self(terminate, signal(SignalKind::interrupt())?))
    }

    /// Completes when one of them comes.
    pub(super) async fn told(mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
        tracing::info!("told to stop; draining");
    }
}

/// A worker that knows whether it has something to do.
#[derive(Debug)]
pub(super) struct Counted {
    worker: Arc<dyn Worker>,
    running: watch::Sender<usize>,
}

impl Counted {
    pub(super) fn new(worker: Arc<dyn Worker>) -> (Arc<Self>, watch::Receiver<usize>) {
        let (running, seen) = watch::channel(0);
        (Arc::new(Self { worker, running }), seen)
    }
}

#[async_trait]
impl Worker for Counted {
    async fn run(&self, task: DispatchTask, control: Control) -> Result<Completion, ParkReason> {
        struct Running<'a>(&'a watch::Sender<usize>);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.send_modify(|running| *running -= 1);
            }
        }
        self.running.send_modify(|running| *running += 1);
        let _running = Running(&self.running);
        self.worker.run(task, control).await
    }
}

/// Completes when nothing has run for so long.
pub(super) async fn idle(mut running: watch::Receiver<usize>, limit: Duration) {
    loop {
        // The sender lives as long as the worker.
        let _ = running.wait_for(|running| *running == 0).await;
        tokio::select! {
            () = tokio::time::sleep(limit) => break,
            _ = running.changed() => {}
        }
    }
    tracing::info!(seconds = limit.as_secs(), "nothing to do; leaving");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_waited_for_and_then_the_time_begins_anew() {
        let (running, seen) = watch::channel(1);
        let limit = Duration::from_secs(10);
        let start = tokio::time::Instant::now();
        let watcher = tokio::spawn(idle(seen, limit));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!watcher.is_finished(), "something runs");
        running.send_replace(0);
        tokio::time::sleep(Duration::from_secs(9)).await;
        // A task that begins and ends at once has been something to do.
        running.send_replace(1);
        running.send_replace(0);
        watcher.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(79));
    }
}
