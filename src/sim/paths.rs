//! Ways through the engine that only some runs take.

use std::fmt;

use serde::Serialize;

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A way through the engine that only some runs take. What no run takes proves nothing,
        /// so a certificate counts them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Path {
            $($(#[$doc])* $name,)*
        }

        impl Path {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in reports.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

paths! {
    /// A task was stopped by its worker's leaving before it brought anything.
    NotStarted = "not_started";
    /// A task heard that its worker leaves while it had time left to hand back a cursor.
    HeardLeaving = "heard_leaving";
    /// A worker ended an attempt that made no progress.
    NoProgress = "no_progress";
    /// A task handed back a cursor.
    CursorHandedBack = "cursor_handed_back";
    /// A result was too large for a message and went through the object store.
    ResultClaimed = "result_claimed";
    /// A task read the scope of its collection.
    ScopeRead = "scope_read";
    /// The object store failed for a payload, and not only for the word of a cancellation.
    PayloadUnavailable = "payload_unavailable";
    /// A task went on with its rows behind those of an earlier attempt or write.
    RowsContinued = "rows_continued";
    /// An attempt wrote fewer rows than a failed one before it had left behind.
    RowsLeftOver = "rows_left_over";
    /// A generator announced fewer children than an earlier attempt of it had made.
    ChildrenLeftOver = "children_left_over";
    /// A task failed as often as its policy allows.
    RetriesExhausted = "retries_exhausted";
    /// A task counted more targets than it stands for.
    Overcounted = "overcounted";
    /// A manager wanted a transaction while another one had one open.
    TransactionsMet = "transactions_met";
    /// A machine died with a transaction open.
    DiedInTransaction = "died_in_transaction";
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
