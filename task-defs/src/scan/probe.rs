//! The trait for a way to look at one target.

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use scanners::scope::Scope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use task_core::{TaskError, UpgradeError};

use super::found::Found;
use super::tools::Tools;
use crate::option::InvalidOption;

/// A way to look at one target. The type is its settings, as they travel with each chunk.
///
/// [`Generate`](super::Generate), [`Scan`](super::Scan) and [`Aggregate`](super::Aggregate) make
/// three definitions of it, `FAMILY.generate`, `FAMILY.scan` and `FAMILY.aggregate`, and do what
/// all families have in common.
///
/// ```
/// use std::time::Duration;
///
/// use scanners::scope::{Name, Scope};
/// use serde::{Deserialize, Serialize};
/// use sortie_task_defs::scan::{
///     Found, Generate, InvalidOption, LocalFailure, Probe, Scan, Tools,
/// };
/// use task_core::{TaskDefinition, TaskError, registry};
///
/// /// How many labels names have.
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// struct Labels {}
///
/// #[derive(Serialize, Deserialize)]
/// struct Counted { name: Name, labels: usize }
///
/// impl Probe for Labels {
///     const FAMILY: &'static str = "labels";
///     const METHOD: &'static str = "count";
///     type Row = Name;
///     type Target = Name;
///     type Record = Counted;
///     type Scanner = Scope;
///
///     fn check(&self) -> Result<(), InvalidOption> { Ok(()) }
///     fn deadline(&self) -> Duration { Duration::from_secs(1) }
///     fn targets(&self, row: Name, targets: &mut Vec<Name>) { targets.push(row) }
///     fn set_up(&self, tools: &Tools<'_>) -> Result<Scope, TaskError> { Ok(tools.scope().clone()) }
///
///     async fn look(&self, scope: &Scope, name: &Name) -> Result<Counted, LocalFailure> {
///         // Whatever sends packets asks the scope first, and has a class for its refusals.
///         let labels = scope.admit(name.clone()).map_or(0, |name| name.get().as_str().split('.').count());
///         Ok(Counted { name: name.clone(), labels })
///     }
///
///     fn outcome(counted: &Counted) -> &'static str {
///         if counted.labels == 0 { "out_of_scope" } else { "counted" }
///     }
///
///     fn models(_: &Counted, _: &mut Found) {}
/// }
///
/// assert_eq!(Scan::<Labels>::KIND, "labels.scan");
/// let registry = registry![Generate<Labels>, Scan<Labels>];
/// ```
pub trait Probe: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first part of the three kinds: 1 to 48 of `a` to `z`, `0` to `9` and `_`.
    const FAMILY: &'static str;
    /// How it looks, for readers of the aggregate: `connect`, `resolver`.
    const METHOD: &'static str;
    /// The version of the settings and targets, as they travel: that of all three definitions. Raise
    /// it when old ones no longer decode, and teach [`upgrade`](Self::upgrade) and
    /// [`upgrade_target`](Self::upgrade_target) how to carry them over. Rows have none: what an older
    /// worker has recorded must still be a [`Record`](Self::Record).
    const VERSION: u32 = 1;
    /// What a row must be to have targets in it.
    type Row: DeserializeOwned + Send;
    /// What is looked at.
    type Target: Target;
    /// What is found out by one look, as a row.
    type Record: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What looks, set up once for each attempt of a task.
    type Scanner: Send + Sync + 'static;

    /// Holds every setting against its limits.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] for the first that is beyond them.
    fn check(&self) -> Result<(), InvalidOption>;

    /// The longest that one look may take. At most 45 s, which is less than the minute that a task
    /// may go without progress.
    fn deadline(&self) -> Duration;

    /// Adds the targets that a row stands for: none, one or several. The same ones in every
    /// attempt. A row that adds none is counted in
    /// [`Generated::without_target`](super::Generated::without_target).
    fn targets(&self, row: Self::Row, targets: &mut Vec<Self::Target>);

    /// Says of the targets what follows from all of them together, and from the scope: called once,
    /// when there is no further row, and with each target once. Their order and their keys must
    /// stay. Unless told otherwise nothing follows.
    fn settle(&self, scope: &Scope, targets: &mut [Self::Target]) {
        let _ = (scope, targets);
    }

    /// Makes what looks.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if it cannot be made here.
    fn set_up(&self, tools: &Tools<'_>) -> Result<Self::Scanner, TaskError>;

    /// Looks at a target. Whatever happens is in the record, a target that the scope does not admit
    /// included; nothing may be sent to such a one.
    ///
    /// # Errors
    ///
    /// [`LocalFailure`] if this machine could not look, which says nothing about the target.
    fn look(
        &self,
        scanner: &Self::Scanner,
        target: &Self::Target,
    ) -> impl Future<Output = Result<Self::Record, LocalFailure>> + Send;

    /// The class of a record in the ledger.
    fn outcome(record: &Self::Record) -> &'static str;

    /// Adds the models that follow from a record.
    fn models(record: &Self::Record, found: &mut Found);

    /// Carries settings of an older version over to this one, so that a deploy strands no task.
    ///
    /// # Errors
    ///
    /// [`UpgradeError`] if there is no way; the task then fails for good with its text.
    fn upgrade(from: u32, settings: Value) -> Result<Value, UpgradeError> {
        let _ = settings;
        Err(UpgradeError::new(format!(
            "the family `{}` has version {} and does not say how to upgrade from version {from}",
            Self::FAMILY,
            Self::VERSION
        )))
    }

    /// Carries a target of an older version over to this one. Unless told otherwise it is still what
    /// it was.
    ///
    /// # Errors
    ///
    /// As for [`upgrade`](Self::upgrade).
    fn upgrade_target(from: u32, target: Value) -> Result<Value, UpgradeError> {
        let _ = from;
        Ok(target)
    }
}

/// What a [`Probe`] looks at.
pub trait Target: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What tells two targets apart.
    type Key: Hash + Eq + Send;

    /// Its key. Of two targets with one key one is kept.
    fn key(&self) -> Self::Key;

    /// Takes over what `same`, a target with the same key, knows besides; whether that was
    /// anything.
    fn merge(&mut self, same: Self) -> bool {
        let _ = same;
        false
    }
}

/// This machine could not look: it has no file, port or memory left for a socket, or no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; raise the limit of open files (`ulimit -n`) or lower `concurrency`")]
pub struct LocalFailure(pub String);

impl Target for scanners::scope::Name {
    type Key = Self;

    fn key(&self) -> Self {
        self.clone()
    }
}
