//! Wire name → definition. Explicit: what is not named here does not exist.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::definition::TaskDefinition;
use super::object::ErasedTask;
use crate::requirements::{GrantedBy, kind};
use crate::route::WorkerKind;

/// The definitions that a manager routes or a worker runs.
///
/// `K` is the kind of worker it is for, from [`kind`](crate::requirements::kind): a registry for
/// External workers does not take a task that needs a database, and the compiler says so. `Any`,
/// the default, is for managers and for engines that run all three kinds.
///
/// Made by [`registry!`](crate::registry).
#[derive(Debug)]
pub struct Registry<K = kind::Any> {
    tasks: BTreeMap<&'static str, ErasedTask>,
    worker: PhantomData<fn() -> K>,
}

/// Two definitions claim the same wire name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two task definitions have the kind `{kind}`; give each a KIND of its own")]
pub struct DuplicateKind {
    /// The name they share.
    pub kind: &'static str,
}

impl<K> Registry<K> {
    /// An empty registry.
    pub const fn new() -> Self {
        Self {
            tasks: BTreeMap::new(),
            worker: PhantomData,
        }
    }

    /// Adds a definition.
    ///
    /// # Errors
    ///
    /// [`DuplicateKind`] if its kind is taken.
    pub fn add<T>(&mut self) -> Result<(), DuplicateKind>
    where
        T: TaskDefinition,
        T::Requires: GrantedBy<K>,
    {
        self.insert(ErasedTask::of::<T>())
    }

    /// Adds all of another registry for the same kind of worker.
    ///
    /// # Errors
    ///
    /// [`DuplicateKind`] at the first kind that both have.
    pub fn merge(mut self, other: Self) -> Result<Self, DuplicateKind> {
        for task in other.tasks.into_values() {
            self.insert(task)?;
        }
        Ok(self)
    }

    /// The definition of a kind.
    pub fn get(&self, kind: &str) -> Option<&ErasedTask> {
        self.tasks.get(kind)
    }

    /// All definitions, by kind.
    pub fn iter(&self) -> impl Iterator<Item = &ErasedTask> {
        self.tasks.values()
    }

    /// Forgets the kind of worker, for a manager.
    pub fn any(self) -> Registry {
        Registry {
            tasks: self.tasks,
            worker: PhantomData,
        }
    }

    #[doc(hidden)]
    #[must_use]
    pub fn with<T>(mut self) -> Self
    where
        T: TaskDefinition,
        T::Requires: GrantedBy<K>,
    {
        // `registry!` has refused duplicates when it was compiled.
        let _ = self.insert(ErasedTask::of::<T>());
        self
    }

    fn insert(&mut self, task: ErasedTask) -> Result<(), DuplicateKind> {
        if self.tasks.contains_key(task.kind) {
            return Err(DuplicateKind { kind: task.kind });
        }
        self.tasks.insert(task.kind, task);
        Ok(())
    }
}

impl Registry {
    /// The definitions that are routed to one kind of worker.
    pub fn routed_to(&self, worker: WorkerKind) -> Self {
        let tasks = self.tasks.iter().filter(|(_, task)| task.worker == worker);
        Self {
            tasks: tasks.map(|(kind, task)| (*kind, *task)).collect(),
            worker: PhantomData,
        }
    }
}

impl<K> Default for Registry<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for Registry<K> {
    fn clone(&self) -> Self {
        Self {
            tasks: self.tasks.clone(),
            worker: PhantomData,
        }
    }
}

/// A [`Registry`] of the definitions named. Two with one `KIND` do not compile.
///
/// With a kind of worker in front, the compiler also holds each task's requirements against it:
/// `registry![External: FetchRobots]`.
#[macro_export]
macro_rules! registry {
    (External: $($task:ty),* $(,)?) => { $crate::registry!(@ $crate::requirements::kind::External; $($task),*) };
    (Internal: $($task:ty),* $(,)?) => { $crate::registry!(@ $crate::requirements::kind::Internal; $($task),*) };
    (BareMetal: $($task:ty),* $(,)?) => { $crate::registry!(@ $crate::requirements::kind::BareMetal; $($task),*) };
    (@ $kind:ty; $($task:ty),*) => {{
        const _: () =
            $crate::assert_distinct(&[$(<$task as $crate::TaskDefinition>::KIND),*]);
        $crate::Registry::<$kind>::new()$(.with::<$task>())*
    }};
    ($($task:ty),* $(,)?) => { $crate::registry!(@ $crate::requirements::kind::Any; $($task),*) };
}

#[doc(hidden)]
#[track_caller]
pub const fn assert_distinct(kinds: &[&str]) {
    let mut i = 0;
    while i < kinds.len() {
        let mut j = i + 1;
        while j < kinds.len() {
            assert!(
                !equal(kinds[i].as_bytes(), kinds[j].as_bytes()),
                "two task definitions in this registry have the same KIND; give each a KIND of its own"
            );
            j += 1;
        }
        i += 1;
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
