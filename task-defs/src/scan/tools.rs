//! What a worker lends to the scanners of all its tasks.

use std::net::SocketAddr;

use scanners::http::Tls;
use scanners::resolve::Resolver;
use scanners::scope::Scope;
use task_core::{Resources, TaskContext, TaskError};

use crate::clients;

/// What a worker has set up, and the scope of the collection.
#[derive(Debug)]
pub struct Tools<'a> {
    scope: Scope,
    resources: &'a Resources,
}

impl<'a> Tools<'a> {
    /// # Errors
    ///
    /// [`TaskError::OutOfScope`] if the collection has no scope document, [`TaskError::Fatal`] if
    /// it is none.
    pub(super) async fn of<R>(cx: &'a TaskContext<R>) -> Result<Self, TaskError> {
        Ok(Self {
            scope: clients::scope(cx).await?,
            resources: cx.resources(),
        })
    }

    /// What may be touched.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The worker's resolver that asks `server`; the servers of its system if that is `None`.
    ///
    /// # Errors
    ///
    /// [`TaskError::Retry`] if the worker's configuration cannot be used: another worker may do
    /// better.
    pub fn resolver(&self, server: Option<SocketAddr>) -> Result<Resolver, TaskError> {
        clients::resolver(self.resources, server)
    }

    /// The worker's TLS, which verifies certificates or takes any.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the cryptography does not support it.
    pub fn tls(&self, verify: bool) -> Result<Tls, TaskError> {
        clients::tls(self.resources, verify)
    }

    /// What the worker sets up once, for tools of one's own.
    pub fn resources(&self) -> &'a Resources {
        self.resources
    }
}
