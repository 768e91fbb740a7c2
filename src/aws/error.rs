//! Why a program of a deployment does not start, or ends.

use task_core::ports::objects::ObjectError;
#[cfg(feature = "postgres")]
use task_core::ports::store::StoreError;
#[cfg(feature = "aws-postgres")]
use transports::aws::AwsFault;
use transports::sqs::SqsError;

/// What is wrong with the environment. No value of a secret is shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A variable is missing.
    #[error("`{name}` is not set; it must be {allowed}")]
    Missing {
        /// Its name.
        name: &'static str,
        /// What it must be.
        allowed: &'static str,
    },
    /// A variable has a value that it cannot have.
    #[error("`{name}` is {value:?}; it must be {allowed}")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// What it says.
        value: String,
        /// What it must be.
        allowed: &'static str,
    },
    /// A secret is not what it must be.
    #[error("the value of `{name}` must be {allowed}; it is not shown because it is secret")]
    Secret {
        /// The variable.
        name: &'static str,
        /// What it must be.
        allowed: &'static str,
    },
    /// The address of the database cannot be used.
    #[cfg(feature = "postgres")]
    #[error("`SORTIE_POSTGRES_URL`: {0}")]
    Postgres(stores::postgres::OptionsError),
    /// The queues are not named, or not well.
    #[error(transparent)]
    Queues(SqsError),
}

/// Why a program does not start, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The environment is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The queues cannot be used.
    #[error(transparent)]
    Queues(#[from] SqsError),
    /// The place of large payloads cannot be used.
    #[error("`SORTIE_BUCKET_FOLDER`: {0}")]
    Objects(#[from] ObjectError),
    /// The database cannot be used.
    #[cfg(feature = "postgres")]
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    /// A secret is not given out.
    #[cfg(feature = "aws-postgres")]
    #[error("the secret that `{name}` names: {fault}")]
    Secret {
        /// The variable.
        name: &'static str,
        /// What AWS said.
        fault: AwsFault,
    },
    /// The operating system gives no threads or no signals.
    #[error("the operating system: {0}")]
    Io(#[from] std::io::Error),
    /// The runtime of Lambda failed.
    #[error("the runtime of Lambda: {0}")]
    Lambda(String),
}
