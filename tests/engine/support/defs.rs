//! Definitions that do nothing by themselves: the bench plays their workers.

use sortie::prelude::*;

macro_rules! inert {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $needs:ty, $out:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        pub(crate) struct $name(pub(crate) u64);

        impl TaskDefinition for $name {
            const KIND: &'static str = $kind;
            type Requires = $needs;
            type Output = $out;

            async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<$out, TaskError> {
                Err(TaskError::fatal("the bench plays this task"))
            }

            fn targets(&self) -> u64 {
                self.0
            }
        }
    };
}

inert! {
    /// Stands for as many targets as its number says; External.
    Leaf, "t.leaf", needs![], ()
}
inert! {
    /// Creates children; External.
    Spawner, "t.spawner", needs![QueueAccess], ()
}
inert! {
    /// Reads what there is; Internal.
    Reader, "t.reader", needs![TaskDataAccess], ()
}
inert! {
    /// Chooses; Internal.
    Choice, "t.choice", needs![TaskDataAccess], Arm
}
inert! {
    /// Sends raw packets; bare metal.
    Raw, "t.raw", needs![RawSocketAccess], ()
}

/// All of them.
pub(crate) fn inert() -> Registry {
    registry![Leaf, Spawner, Reader, Choice, Raw]
}
