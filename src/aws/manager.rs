//! The manager: a function if Lambda starts it, a process otherwise.

use std::sync::Arc;

use futures_util::future::join;
use stores::PostgresStore;
use task_core::Registry;
use task_core::manager::{Manager, ManagerConfig, ManagerLoop, StopHandle};
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::transport::Transport;
use transports::lambda::{FunctionRuntime, LambdaManager, serve};
use transports::sqs::{SdkConfig, SqsTransport};

use super::process::{LAST_POLL, Signals};
use super::program::{Program, Role};
use super::{Settings, StartError, database, worker};

/// The manager, which routes by `registry`: that of all workers. Any number may run at once.
///
/// As a function it handles what its queue brings, and ticks when a schedule calls it; as a
/// process it polls its queue and ticks each second.
pub fn manager<K>(registry: Registry<K>) -> Program {
    Program::new(Role::Manager, registry.any())
}

pub(super) async fn run(
    program: Program,
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<(), StartError> {
    let queues = settings.queues()?;
    let objects = worker::objects(settings, aws)?;
    let config = ManagerConfig::new(database::fence_key(settings, aws).await?);
    let mut options = database::options(settings, aws).await?;
    if settings.is_function() {
        options = options.lambda();
    }
    let carrier = Arc::new(SqsTransport::connect(aws, &queues).await?);
    let store = Arc::new(PostgresStore::connect(&options).await?);
    let sender: Arc<dyn Transport> = match settings.get(INVOKE) {
        None => Arc::clone(&carrier) as _,
        Some(function) => direct(aws, &carrier, function)?,
    };
    tracing::info!(function = settings.is_function(), "ready");
    let make = |transport: Arc<dyn Transport>, runtime: Arc<dyn Runtime>| {
        let registry = Arc::new(program.registry);
        let manager =
            Manager::new(store, transport, runtime, registry, config).with_objects(objects);
        match program.fleet {
            Some(fleet) => manager.with_fleet(fleet),
            None => manager,
        }
    };
    if settings.is_function() {
        let mut function = LambdaManager::new(sender, |transport| {
            make(transport, Arc::new(FunctionRuntime::new()))
        });
        if let Some(role) = settings.get("SORTIE_EXTERNAL_SENDER") {
            function = function.untrusted(role);
        }
        let served = serve(function).await;
        return served.map_err(|error| StartError::Lambda(error.to_string()));
    }
    let signals = Signals::new()?;
    let manager = make(sender, Arc::new(TokioRuntime::new()));
    let (handle, stop) = StopHandle::new();
    let watch = async {
        signals.told().await;
        handle.stop();
    };
    let managing = ManagerLoop::new(Arc::new(manager)).transactions(TRANSACTIONS);
    join(managing.run(stop), watch).await;
    carrier.close(LAST_POLL).await;
    Ok(())
}

/// Of a manager that is a process, at once. It has eight connections unless it is told otherwise.
const TRANSACTIONS: usize = 4;

const INVOKE: &str = "SORTIE_INVOKE_EXTERNAL";

/// External tasks go to this function, without a queue.
#[cfg(feature = "aws-invoke")]
fn direct(
    aws: &SdkConfig,
    carrier: &Arc<SqsTransport>,
    function: String,
) -> Result<Arc<dyn Transport>, StartError> {
    let behind = Arc::clone(carrier) as _;
    let invoke = transports::lambda::Invoke::new(aws, behind);
    Ok(Arc::new(
        invoke.function(task_core::Queue::External, function),
    ))
}

#[cfg(not(feature = "aws-invoke"))]
fn direct(
    _: &SdkConfig,
    _: &Arc<SqsTransport>,
    value: String,
) -> Result<Arc<dyn Transport>, StartError> {
    Err(super::SettingsError::Invalid {
        name: INVOKE,
        value,
        allowed: "empty: this program was built without the feature `aws-invoke`",
    }
    .into())
}
