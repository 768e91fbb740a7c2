//! A program of a deployment: what its binary is, and what it does when it is started.

use std::process::ExitCode;
#[cfg(feature = "aws-postgres")]
use std::sync::Arc;

#[cfg(feature = "aws-postgres")]
use task_core::ports::fleet::Fleet;
use task_core::{Registry, Resources};

use super::{Settings, StartError, log, worker};

/// A program of a deployment, ready to start. Made by [`external`](super::external) and its
/// siblings.
#[derive(Debug)]
#[must_use = "a program does nothing until it is started"]
pub struct Program {
    role: Role,
    pub(super) registry: Registry,
    pub(super) resources: Resources,
    #[cfg(feature = "aws-postgres")]
    pub(super) fleet: Option<Arc<dyn Fleet>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    External,
    #[cfg(feature = "aws-postgres")]
    Internal,
    #[cfg(feature = "aws-postgres")]
    BareMetal,
    #[cfg(feature = "aws-postgres")]
    Manager,
    #[cfg(feature = "aws-postgres")]
    Migration,
}

impl Program {
    pub(super) fn new(role: Role, registry: Registry) -> Self {
        Self {
            role,
            registry,
            resources: Resources::new(),
            #[cfg(feature = "aws-postgres")]
            fleet: None,
        }
    }

    /// Sets something up once for all tasks: see [`Resources`].
    pub fn resource<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.resources = self.resources.with(value);
        self
    }

    /// What starts bare-metal workers; of use to a manager only.
    #[cfg(feature = "aws-postgres")]
    pub fn fleet(mut self, fleet: Arc<dyn Fleet>) -> Self {
        self.fleet = Some(fleet);
        self
    }

    /// All that a `main` needs to do: logs to standard output as JSON, starts, and runs until
    /// Lambda or SIGTERM ends it. What goes wrong is the last line of the log, and the exit code
    /// is 1 then.
    pub fn main(self) -> ExitCode {
        let settings = Settings::from_env();
        let started = log::start(&settings).map_err(StartError::from);
        let ended = started.and_then(|()| {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.enable_all().build()?.block_on(self.run(&settings))
        });
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(%error, "stopped");
                ExitCode::FAILURE
            }
        }
    }

    /// The same within a runtime and a log of your own.
    ///
    /// # Errors
    ///
    /// [`StartError`], before anything is received: what is wrong with the environment, or with
    /// what it names.
    pub async fn run(self, settings: &Settings) -> Result<(), StartError> {
        let aws = transports::aws::load().await;
        match self.role {
            Role::External => worker::run_external(self, settings, &aws).await,
            #[cfg(feature = "aws-postgres")]
            Role::Internal => worker::run_internal(self, settings, &aws).await,
            #[cfg(feature = "aws-postgres")]
            Role::BareMetal => worker::run_bare_metal(self, settings, &aws).await,
            #[cfg(feature = "aws-postgres")]
            Role::Manager => super::manager::run(self, settings, &aws).await,
            #[cfg(feature = "aws-postgres")]
            Role::Migration => super::migration::run(settings, &aws).await,
        }
    }
}
