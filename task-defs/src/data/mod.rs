//! Tasks over task data: insert it, filter it, count it.

mod condition;
mod count;
#[cfg(feature = "expressions")]
pub mod expression;
mod filter;
mod group_by;
mod insert_data;
mod number;
mod pointer;

pub use condition::{Condition, TooDeep};
pub use count::{Count, RowCount};
#[cfg(feature = "expressions")]
pub use expression::{Expression, InvalidExpression, NoAnswer};
pub use filter::Filter;
pub use group_by::{Group, GroupBy, GroupError, Groups};
pub use insert_data::InsertData;
pub use pointer::{InvalidPointer, Pointer};
