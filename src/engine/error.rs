//! What the embedded engine reports.

use std::path::PathBuf;
use std::time::Duration;

use task_core::manager::ManagerError;
use task_core::ports::recon::ReconError;
use task_core::ports::store::StoreError;
use task_core::ports::transport::{ParkReason, TransportError};
use task_core::submit::SubmitError;
use task_core::{CollectionId, PayloadError};

/// What can go wrong with an engine, split by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The workflow is not sound, or cannot be carried.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The manager refused what the submitter had found sound.
    #[error("the manager refused it: {0}")]
    Refused(ParkReason),
    /// The object store does not give out what was just put there; trying again may help.
    #[error("the object store does not answer: {0}; submit again")]
    Unavailable(String),
    /// The message was sent, but the store has not come to know the run.
    #[error(
        "the run {id} was sent {waited:?} ago, but no manager has taken it on: see whether one runs, and what its dead letters say; it may still begin"
    )]
    NotAccepted {
        /// The run.
        id: CollectionId,
        /// How long ago.
        waited: Duration,
    },
    /// The carrier to the manager failed.
    #[error("the manager is not told: {0}")]
    Carrier(#[from] TransportError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no random bytes for the fences.
    #[error("the operating system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
    /// The engine was given a store without its recon data.
    #[error("this engine has no recon store; give it one with `with_recon`, beside `with_store`")]
    NoRecon,
    /// The recon data cannot be read, or not so.
    #[error(transparent)]
    Recon(#[from] ReconError),
    /// The manager failed.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// The folder for the engine's state cannot be used.
    #[error("cannot use the folder `{}`: {source}; choose one that is writable", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another engine uses the folder.
    #[error("the folder `{}` is in use by another engine; stop that one or choose another folder", .0.display())]
    InUse(PathBuf),
    /// There is no such run.
    #[error("there is no run {0} here")]
    UnknownRun(CollectionId),
    /// The workflow has no such name.
    #[error("the workflow has no task or container called `{0}`")]
    UnknownName(String),
    /// A row is not what was asked for.
    #[error("the data of `{name}`: {source}")]
    Row {
        /// The task or container.
        name: String,
        /// Why not.
        source: PayloadError,
    },
}
