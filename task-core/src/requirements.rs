//! What a task needs of the worker that runs it, as a type.
//!
//! [`needs!`](crate::needs) names a type; the type carries the static slice that the router reads,
//! opens the matching methods of [`TaskContext`](crate::TaskContext), and decides which kinds of
//! worker may register the task. Slice, methods and route come from one place and cannot drift.

use serde::{Deserialize, Serialize};

use crate::route::{WorkerKind, route};

/// A capability that a task declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkerRequirement {
    /// Direct access to `task_manager.task_data` and `task_manager.task_collection_data`.
    TaskDataAccess,
    /// Access to the manager's queue, for generators that create tasks.
    QueueAccess,
    /// Access to the recon tables.
    ReconDataAccess,
    /// Sending and receiving raw packets.
    RawSocketAccess,
}

impl WorkerRequirement {
    /// All requirements, in the order of their bits.
    pub const ALL: [Self; 4] = [
        Self::TaskDataAccess,
        Self::QueueAccess,
        Self::ReconDataAccess,
        Self::RawSocketAccess,
    ];

    /// The bit that stands for this requirement in [`Needs`].
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of requirements as a type; write it with [`needs!`](crate::needs).
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs<const BITS: u8>;

/// Implemented by every [`Needs`]; sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of requirements",
    label = "expected a type made by `needs![…]`",
    note = "write `type Requires = needs![];`, or name what the task needs: `needs![TaskDataAccess, QueueAccess]`",
    note = "there are `TaskDataAccess`, `QueueAccess`, `ReconDataAccess` and `RawSocketAccess`"
)]
pub trait Requirements: sealed::Sealed + Send + Sync + 'static {
    /// The requirements as a static slice, in the order of [`WorkerRequirement::ALL`].
    const SLICE: &'static [WorkerRequirement];
    /// Where tasks with these requirements are sent.
    const KIND: WorkerKind = route(Self::SLICE);
}

/// The set includes [`WorkerRequirement::TaskDataAccess`].
#[diagnostic::on_unimplemented(
    message = "this task uses task data but does not declare it",
    label = "`task_data()` exists only for tasks that declare `TaskDataAccess`",
    note = "add `TaskDataAccess` to the list: `type Requires = needs![TaskDataAccess];`",
    note = "the task then runs on an Internal worker, or on a Bare Metal one if it also declares `RawSocketAccess`"
)]
pub trait DeclaresTaskData: Requirements {}

/// The set includes [`WorkerRequirement::QueueAccess`].
#[diagnostic::on_unimplemented(
    message = "this task creates tasks but does not declare access to the queue",
    label = "only a task that declares `QueueAccess` can create tasks",
    note = "add `QueueAccess` to the list: `type Requires = needs![QueueAccess];`",
    note = "`QueueAccess` alone does not change where the task runs"
)]
pub trait DeclaresQueue: Requirements {}

/// The set includes [`WorkerRequirement::ReconDataAccess`].
#[diagnostic::on_unimplemented(
    message = "this task uses recon data but does not declare it",
    label = "`recon()` exists only for tasks that declare `ReconDataAccess`",
    note = "add `ReconDataAccess` to the list: `type Requires = needs![ReconDataAccess];`",
    note = "the task then runs on an Internal worker, or on a Bare Metal one if it also declares `RawSocketAccess`"
)]
pub trait DeclaresReconData: Requirements {}

/// The set includes [`WorkerRequirement::RawSocketAccess`].
#[diagnostic::on_unimplemented(
    message = "this task uses raw sockets but does not declare them",
    label = "`raw_sockets()` exists only for tasks that declare `RawSocketAccess`",
    note = "add `RawSocketAccess` to the list: `type Requires = needs![RawSocketAccess];`",
    note = "the task then runs on a Bare Metal worker"
)]
pub trait DeclaresRawSockets: Requirements {}

/// A worker of kind `K` has everything that the set names.
#[diagnostic::on_unimplemented(
    message = "a worker of this kind cannot grant what the task requires",
    label = "this kind of worker lacks a capability that a task in the list declares",
    note = "`External` grants `QueueAccess`; `Internal` also `TaskDataAccess` and `ReconDataAccess`; `BareMetal` everything",
    note = "write `registry![Internal: …]` or `registry![BareMetal: …]` for this task, or take the requirement out of its `needs![…]`"
)]
pub trait GrantedBy<K>: Requirements {}

/// The kinds of worker as types, for registries that are checked by the compiler.
pub mod kind {
    /// Lambda outside the VPC: no database, no raw sockets.
    #[derive(Clone, Copy, Debug)]
    pub struct External;
    /// Lambda inside the VPC: task data and recon data.
    #[derive(Clone, Copy, Debug)]
    pub struct Internal;
    /// EC2 inside the VPC: everything.
    #[derive(Clone, Copy, Debug)]
    pub struct BareMetal;
    /// Not bound to one kind: for managers and for engines that run all three.
    #[derive(Clone, Copy, Debug)]
    pub struct Any;
}

mod sealed {
    pub trait Sealed {}
    impl<const BITS: u8> Sealed for super::Needs<BITS> {}
}

/// The type of a set of requirements, by the names of [`WorkerRequirement`].
///
/// ```
/// use sortie_task_core::{Requirements, WorkerKind, WorkerRequirement, needs};
///
/// type Generator = needs![TaskDataAccess, QueueAccess];
/// assert_eq!(
///     <Generator as Requirements>::SLICE,
///     [WorkerRequirement::TaskDataAccess, WorkerRequirement::QueueAccess],
/// );
/// assert_eq!(<Generator as Requirements>::KIND, WorkerKind::Internal);
/// ```
#[macro_export]
macro_rules! needs {
    ($($requirement:ident),* $(,)?) => {
        $crate::requirements::Needs<{ 0 $(| $crate::WorkerRequirement::$requirement.bit())* }>
    };
}

// `do_not_recommend` keeps the rows out of error messages: a list of `Needs<…>` helps nobody.
macro_rules! sets {
    ($($bits:literal: [$($requirement:ident),*] $($granted:ident)*;)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl Requirements for Needs<$bits> {
                const SLICE: &'static [WorkerRequirement] = &[$(WorkerRequirement::$requirement),*];
            }
            $(sets!(@declares $requirement $bits);)*
            $(#[diagnostic::do_not_recommend] impl GrantedBy<kind::$granted> for Needs<$bits> {})*
            #[diagnostic::do_not_recommend]
            impl GrantedBy<kind::BareMetal> for Needs<$bits> {}
            #[diagnostic::do_not_recommend]
            impl GrantedBy<kind::Any> for Needs<$bits> {}
        )*
    };
    (@declares TaskDataAccess $bits:literal) => { #[diagnostic::do_not_recommend] impl DeclaresTaskData for Needs<$bits> {} };
    (@declares QueueAccess $bits:literal) => { #[diagnostic::do_not_recommend] impl DeclaresQueue for Needs<$bits> {} };
    (@declares ReconDataAccess $bits:literal) => { #[diagnostic::do_not_recommend] impl DeclaresReconData for Needs<$bits> {} };
    (@declares RawSocketAccess $bits:literal) => { #[diagnostic::do_not_recommend] impl DeclaresRawSockets for Needs<$bits> {} };
}

// The whole table, for all sixteen sets; a test holds it against the bits.
sets! {
    0: [] External Internal;
    1: [TaskDataAccess] Internal;
    2: [QueueAccess] External Internal;
    3: [TaskDataAccess, QueueAccess] Internal;
    4: [ReconDataAccess] Internal;
    5: [TaskDataAccess, ReconDataAccess] Internal;
    6: [QueueAccess, ReconDataAccess] Internal;
    7: [TaskDataAccess, QueueAccess, ReconDataAccess] Internal;
    8: [RawSocketAccess];
    9: [TaskDataAccess, RawSocketAccess];
    10: [QueueAccess, RawSocketAccess];
    11: [TaskDataAccess, QueueAccess, RawSocketAccess];
    12: [ReconDataAccess, RawSocketAccess];
    13: [TaskDataAccess, ReconDataAccess, RawSocketAccess];
    14: [QueueAccess, ReconDataAccess, RawSocketAccess];
    15: [TaskDataAccess, QueueAccess, ReconDataAccess, RawSocketAccess];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees<const BITS: u8>()
    where
        Needs<BITS>: Requirements,
    {
        let from_bits: Vec<_> = WorkerRequirement::ALL
            .into_iter()
            .filter(|r| BITS & r.bit() != 0)
            .collect();
        assert_eq!(
            <Needs<BITS> as Requirements>::SLICE,
            from_bits,
            "row {BITS} of the table"
        );
    }

    macro_rules! agree_all {
        ($($bits:literal)*) => { $(agrees::<$bits>();)* };
    }

    #[test]
    fn the_table_agrees_with_the_bits() {
        agree_all!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
}
