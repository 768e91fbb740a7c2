//! What the environment says.

use std::fmt;
#[cfg(feature = "aws-postgres")]
use std::time::Duration;

use task_core::{Queue, WorkerKind};
use tracing_subscriber::filter::{LevelFilter, Targets};
use transports::sqs::SqsConfig;

use super::SettingsError;

/// What a variable is set to, by its name.
type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables of a program. They are read when it starts, and each is checked then.
pub struct Settings {
    variable: Box<Variables>,
}

impl Settings {
    /// Those of the environment.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Those of another place. One that is empty is one that is not set.
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            variable: Box::new(move |name| variable(name).filter(|value| !value.is_empty())),
        }
    }

    /// The queues of a worker: its own and the manager's. It has no rights on others, and they
    /// are not looked for.
    pub(super) fn queues_of(&self, kind: WorkerKind) -> Result<SqsConfig, SettingsError> {
        let mut config = self.queues()?;
        for queue in Queue::ALL {
            if queue != kind.queue() && queue != Queue::Manager {
                config = config.without(queue);
            }
        }
        for queue in [kind.queue(), Queue::Manager] {
            if config.address(queue).is_none() {
                return Err(SettingsError::Missing {
                    name: queue_variable(queue),
                    allowed: "the name or the URL of a queue of SQS",
                });
            }
        }
        Ok(config)
    }

    /// All queues that are named.
    pub(super) fn queues(&self) -> Result<SqsConfig, SettingsError> {
        SqsConfig::from_variables(&self.variable).map_err(SettingsError::Queues)
    }

    pub(super) fn bucket(&self) -> Result<String, SettingsError> {
        self.required("SORTIE_BUCKET", "the name of a bucket of S3")
    }

    pub(super) fn bucket_folder(&self) -> Option<String> {
        self.get("SORTIE_BUCKET_FOLDER")
    }

    /// How long a process may have nothing to do.
    #[cfg(feature = "aws-postgres")]
    pub(super) fn idle_timeout(&self) -> Result<Duration, SettingsError> {
        let seconds = self.number(
            "WORKER_IDLE_TIMEOUT",
            300,
            86_400,
            "whole seconds, 1 to 86400",
        )?;
        Ok(Duration::from_secs(seconds.into()))
    }

    /// How many tasks a process runs at once.
    pub(super) fn concurrency(&self) -> Result<usize, SettingsError> {
        Ok(self.number("SORTIE_CONCURRENCY", 4, 10_000, "a number, 1 to 10000")? as usize)
    }

    /// What is logged.
    pub(super) fn log(&self) -> Result<Targets, SettingsError> {
        const NAME: &str = "SORTIE_LOG";
        let value = self.get(NAME).unwrap_or_else(|| "info".to_owned());
        // A misspelt level would pass as a target, and nothing else would be logged any more.
        let sound = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
        let targets = value.split(',').all(|part| sound(part.trim()));
        let targets = targets.then(|| value.parse().ok()).flatten();
        targets.ok_or(SettingsError::Invalid {
            name: NAME,
            value,
            allowed: "a level, or some such as `warn,sortie_task_core=debug`",
        })
    }

    /// Whether Lambda has started this process.
    pub(super) fn is_function(&self) -> bool {
        self.get("AWS_LAMBDA_RUNTIME_API").is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    pub(super) fn required(
        &self,
        name: &'static str,
        allowed: &'static str,
    ) -> Result<String, SettingsError> {
        self.get(name)
            .ok_or(SettingsError::Missing { name, allowed })
    }

    /// A number from 1 to `most`.
    fn number(
        &self,
        name: &'static str,
        default: u32,
        most: u32,
        allowed: &'static str,
    ) -> Result<u32, SettingsError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        match value.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(SettingsError::Invalid {
                name,
                value,
                allowed,
            }),
        }
    }
}

impl fmt::Debug for Settings {
    /// Shows none of the values; some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

const fn queue_variable(queue: Queue) -> &'static str {
    match queue {
        Queue::Manager => "SORTIE_SQS_MANAGER",
        Queue::External => "SORTIE_SQS_EXTERNAL",
        Queue::Internal => "SORTIE_SQS_INTERNAL",
        Queue::BareMetal => "SORTIE_SQS_BARE_METAL",
    }
}
