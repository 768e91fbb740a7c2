//! Work that blocks or computes for long, kept away from the threads that drive futures, so that
//! the worker's heartbeat goes on beside it.

use task_core::TaskError;

/// Runs `work` on a thread where blocking is allowed. A panic in it goes on in the caller.
///
/// It is not interrupted when the caller is dropped: long work must look for a sign itself.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TaskError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(TaskError::retry(format!("the worker shuts down: {error}"))),
        },
    }
}
