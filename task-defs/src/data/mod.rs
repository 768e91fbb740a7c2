//! Tasks over task data: bring it in, filter it, divide it, sum it up.
//!
//! Each reads the rows of an earlier task, or of all children of a container, by its name, and
//! writes rows of its own or returns a summary. What they share:
//!
//! - rows are **streamed**: memory holds a page, and what the task says besides;
//! - rows that pass keep their **order** and their **text**, byte by byte;
//! - when time runs out, a task hands back a **cursor** and the next attempt goes on behind the
//!   last row; what was written counts once;
//! - a bad payload fails before anything is written, with the **field** in the error; places in
//!   rows are [`Pointer`]s, and a row that lacks one is no error but for
//!   [expressions](expression).
//!
//! | which rows | definition |
//! |---|---|
//! | that meet a condition | [`Filter`] |
//! | that meet an expression | `FilterByExpression` |
//! | whose host is in scope | [`FilterByScope`] |
//! | that another data set has, or has not | [`FilterByMembership`] |
//! | one of each key | [`Distinct`] |
//! | some, by chance | [`Sample`] |
//! | the first by a value | [`TopN`] |
//! | of several data sets | [`Merge`] |
//! | in parts, for as many children | [`Partition`] |
//! | how many | [`Count`], [`GroupBy`] |
//! | into a file | [`ToFile`] |

pub(crate) mod canonical;
mod carry;
mod condition;
mod count;
mod distinct;
#[cfg(feature = "expressions")]
pub mod expression;
mod filter;
#[cfg(feature = "expressions")]
mod filter_by_expression;
mod filter_by_membership;
mod filter_by_scope;
mod group_by;
mod insert_data;
mod keys;
mod merge;
mod number;
mod partition;
mod pointer;
mod sample;
mod side;
mod to_file;
mod top_n;
mod walk;

pub use condition::{Condition, TooDeep};
pub use count::{Count, RowCount};
pub use distinct::Distinct;
#[cfg(feature = "expressions")]
pub use expression::{Expression, InvalidExpression, NoAnswer};
pub use filter::Filter;
#[cfg(feature = "expressions")]
pub use filter_by_expression::FilterByExpression;
pub use filter_by_membership::FilterByMembership;
pub use filter_by_scope::FilterByScope;
pub use group_by::{Group, GroupBy, GroupError, Groups};
pub use insert_data::InsertData;
pub use merge::Merge;
pub use partition::{Part, Partition, Split};
pub use pointer::{InvalidPointer, Pointer};
pub use sample::Sample;
pub use side::Side;
pub use to_file::{
    Compression, FileError, FileName, FileSummary, InvalidFileName, OutputFolder, ToFile,
};
pub use top_n::{Order, TopN};

pub(crate) use walk::Walk;
