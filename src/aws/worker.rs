//! The three kinds of workers: functions if Lambda starts them, processes otherwise.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use task_core::manager::StopHandle;
use task_core::ports::objects::Objects;
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{Registry, WorkerKind};
use transports::lambda::{FunctionRuntime, LambdaWorker, serve};
use transports::s3::S3Objects;
use transports::sqs::{SdkConfig, SqsTransport};

use super::process::{Counted, GRACE, LAST_POLL, Signals, idle};
use super::program::{Program, Role};
use super::{Settings, StartError};

/// How often a worker asks whether what it does was cancelled; each costs a request of S3.
const CANCEL_POLL: Duration = Duration::from_secs(5);

/// The External worker: has no database, and links none.
///
/// Definitions of `registry` that are routed elsewhere are left out. Write
/// `registry![External: …]`, and the compiler says which.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     sortie::aws::external(sortie::defs::registry()).main()
/// }
/// ```
pub fn external<K>(registry: Registry<K>) -> Program {
    Program::new(
        Role::External,
        registry.any().routed_to(WorkerKind::External),
    )
}

/// The Internal worker: reads and writes task data and recon data.
#[cfg(feature = "aws-postgres")]
pub fn internal<K>(registry: Registry<K>) -> Program {
    Program::new(
        Role::Internal,
        registry.any().routed_to(WorkerKind::Internal),
    )
}

/// The bare-metal worker: a process that has all that the Internal worker has, and the network of
/// its machine. Ends by itself after `WORKER_IDLE_TIMEOUT` seconds without a task, so that what
/// has started it may shut the machine down; and drains at SIGTERM.
#[cfg(feature = "aws-postgres")]
pub fn bare_metal<K>(registry: Registry<K>) -> Program {
    Program::new(
        Role::BareMetal,
        registry.any().routed_to(WorkerKind::BareMetal),
    )
}

/// What a worker is made of, whatever its kind.
struct Parts<'a> {
    kind: WorkerKind,
    settings: &'a Settings,
    carrier: Arc<SqsTransport>,
    objects: Arc<dyn Objects>,
}

pub(super) async fn run_external(
    program: Program,
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<(), StartError> {
    let parts = Parts::connect(WorkerKind::External, settings, aws).await?;
    let stock = parts.stock(program);
    parts.serve(stock, None).await
}

#[cfg(feature = "aws-postgres")]
pub(super) async fn run_internal(
    program: Program,
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<(), StartError> {
    let parts = Parts::connect(WorkerKind::Internal, settings, aws).await?;
    let stock = parts.with_data(parts.stock(program), aws).await?;
    parts.serve(stock, None).await
}

#[cfg(feature = "aws-postgres")]
pub(super) async fn run_bare_metal(
    program: Program,
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<(), StartError> {
    let idle = settings.idle_timeout()?;
    let parts = Parts::connect(WorkerKind::BareMetal, settings, aws).await?;
    let stock = parts.with_data(parts.stock(program), aws).await?;
    parts.serve(stock, Some(idle)).await
}

impl<'a> Parts<'a> {
    async fn connect(
        kind: WorkerKind,
        settings: &'a Settings,
        aws: &SdkConfig,
    ) -> Result<Self, StartError> {
        // What can be wrong here is found before anybody is asked.
        let queues = settings.queues_of(kind)?;
        let objects = objects(settings, aws)?;
        let carrier = SqsTransport::connect(aws, &queues).await?;
        Ok(Self {
            kind,
            settings,
            carrier: Arc::new(carrier),
            objects,
        })
    }

    fn stock(&self, program: Program) -> StockWorker {
        let runtime: Arc<dyn Runtime> = Arc::new(FunctionRuntime::new());
        StockWorker::new(program.registry, Arc::clone(&self.carrier) as _, runtime)
            .with_objects(Arc::clone(&self.objects))
            .with_resources(Arc::new(program.resources))
    }

    #[cfg(feature = "aws-postgres")]
    async fn with_data(
        &self,
        stock: StockWorker,
        aws: &SdkConfig,
    ) -> Result<StockWorker, StartError> {
        let options = super::database::options(self.settings, aws).await?;
        let options = if self.settings.is_function() {
            options.lambda()
        } else {
            // One for each task, and not the whole server if there are many.
            options.connections(self.settings.concurrency()?.min(16) as u32)
        };
        let store = Arc::new(stores::PostgresStore::connect(&options).await?);
        Ok(stock.with_data(Arc::clone(&store) as _).with_recon(store))
    }

    /// Runs until Lambda ends the environment, or somebody the process.
    async fn serve(self, stock: StockWorker, leave: Option<Duration>) -> Result<(), StartError> {
        let (kind, carrier) = (self.kind, self.carrier);
        tracing::info!(%kind, function = self.settings.is_function(), "ready");
        if self.settings.is_function() {
            let worker = LambdaWorker::new(kind, Arc::new(stock), carrier)
                .cancellations(self.objects, CANCEL_POLL);
            let served = serve(worker).await;
            return served.map_err(|error| StartError::Lambda(error.to_string()));
        }
        let concurrency = self.settings.concurrency()?;
        let signals = Signals::new()?;
        let (worker, running) = Counted::new(Arc::new(stock));
        let (handle, stop) = StopHandle::new();
        let run = WorkerLoop::new(
            kind,
            worker,
            Arc::clone(&carrier) as _,
            Arc::new(TokioRuntime::new()),
        )
        .concurrency(concurrency)
        .cancellations(self.objects, CANCEL_POLL)
        .grace(GRACE);
        let watch = async {
            let leave = match leave {
                Some(limit) => Either::Left(idle(running, limit)),
                None => Either::Right(pending()),
            };
            select(std::pin::pin!(signals.told()), std::pin::pin!(leave)).await;
            handle.stop();
        };
        join(run.run(stop), watch).await;
        carrier.close(LAST_POLL).await;
        Ok(())
    }
}

/// The place of large payloads.
pub(super) fn objects(
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<Arc<dyn Objects>, StartError> {
    let objects = S3Objects::new(aws, settings.bucket()?);
    Ok(match settings.bucket_folder() {
        Some(folder) => Arc::new(objects.folder(&folder)?),
        None => Arc::new(objects),
    })
}
