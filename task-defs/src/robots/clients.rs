//! A fetcher, from what a worker sets up once.

use scanners::http::robots::RobotsFetcher;
use task_core::{TaskContext, TaskError};

use super::options::RobotsOptions;
use crate::clients::{resolver, scope, tls};

/// A fetcher within the collection's scope, made from what the worker has.
pub(super) async fn fetcher<R>(
    cx: &TaskContext<R>,
    options: &RobotsOptions,
) -> Result<RobotsFetcher, TaskError> {
    let scope = scope(cx).await?;
    let resources = cx.resources();
    let resolver = resolver(resources, options.resolver)?;
    let tls = tls(resources, options.verify_tls)?;
    Ok(RobotsFetcher::new(options.config(), scope, resolver, tls))
}
