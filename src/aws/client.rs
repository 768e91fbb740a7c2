//! The client of a deployment on AWS.

use std::sync::Arc;

use stores::PostgresStore;
use task_core::{Queue, Registry};
use transports::sqs::SqsTransport;

use super::{Settings, StartError, database, worker};
use crate::Client;

/// A client of the deployment that `settings` names: it needs the manager's queue, the bucket and
/// the database. `registry` should be that of the managers.
///
/// ```no_run
/// use sortie::{aws::Settings, prelude::*};
///
/// # async fn run(workflow: Workflow) -> Result<(), Box<dyn std::error::Error>> {
/// let client = sortie::aws::client(sortie::defs::registry(), &Settings::from_env()).await?;
/// let report = client.submit(workflow).await?.wait().await?;
/// assert_eq!(report.state, TaskState::Succeeded);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StartError`]: what is wrong with the environment, or with what it names.
pub async fn client<K>(registry: Registry<K>, settings: &Settings) -> Result<Client, StartError> {
    let aws = transports::aws::load().await;
    let mut queues = settings.queues()?;
    for queue in [Queue::External, Queue::Internal, Queue::BareMetal] {
        queues = queues.without(queue);
    }
    let objects = worker::objects(settings, &aws)?;
    let options = database::options(settings, &aws).await?;
    let carrier = SqsTransport::connect(&aws, &queues).await?;
    let store = PostgresStore::connect(&options).await?;
    Ok(Client::new(
        Arc::new(store),
        Arc::new(carrier),
        objects,
        registry.any(),
    ))
}
