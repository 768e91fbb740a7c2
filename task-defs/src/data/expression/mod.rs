//! Expressions over a row, in the Common Expression Language.
//!
//! # Why CEL, and how much of it
//!
//! An expression comes from a payload, and runs once per row on a worker that others use, too. So
//! it must end, soon, whatever it says. CEL was made for that: it has no loops but those over a
//! list that is there, no functions of one's own, no side effects; its authors run it inside
//! servers. jq, the other candidate, has recursion: `def f: f; f` never ends, and no
//! implementation in Rust can be told to stop. A scripting language such as Rhai counts its
//! steps, but in its restricted mode for expressions there is no "any element that".
//!
//! The grammar is that of the crate `cel`, whose parser bounds its recursion and its recovery
//! from errors. The evaluation is done here: that crate's own has no limit on cost (four nested
//! `exists` over a list of a thousand are 10¹² steps, twenty `map(x, x + x)` a gigabyte), copies
//! each row into values of its own, and quotes what rows hold in its errors. This one counts
//! [steps](Expression::MAX_STEPS), borrows from the row, and names fields, never values.
//!
//! | what | which |
//! |---|---|
//! | variables | `row`, and those of the macros |
//! | places | `row.a`, `row["a-b"]`, `row.list[0]`, `has(row.a)` |
//! | literals | numbers, text, `true`, `false`, `null`, lists |
//! | operators | `== != < <= > >= in && \|\| ! ?: + - * / %` |
//! | macros | `all`, `exists`, `exists_one`, `filter`, `map` |
//! | functions | `size`, `contains`, `startsWith`, `endsWith`, `matches`, `lowerAscii`, `int`, `double`, `string` |
//!
//! It differs from CEL in three ways. Rows are JSON, so there is one type of number, whole ones
//! being exact (`1 == 1.0`, `3 / 2 == 1`). `has(row.a.b)` is false, and no error, if there is no
//! `row.a` either. The pattern of `matches` must be a literal, so that it is compiled once.

mod compile;
mod error;
mod eval;
mod node;
mod value;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use error::{InvalidExpression, NoAnswer, Problem, Reason};
use node::Node;

/// A boolean expression over a row, in the [Common Expression
/// Language](https://github.com/google/cel-spec/blob/master/doc/langdef.md): text that travels in
/// a payload, compiled when it arrives. Which part of the language, and why that language, is said
/// in the [module](self).
///
/// As in CEL, a place that does not exist is an error, and so is a value of the wrong type. `&&`
/// and `||` forgive it if the other side decides; `has` asks first.
///
/// ```
/// use serde_json::json;
/// use sortie_task_defs::data::Expression;
///
/// let open: Expression = "has(row.ports) && row.ports.exists(p, p in [80, 443])".parse()?;
/// assert!(open.matches(&json!({"ports": [22, 443]}))?);
/// assert!(!open.matches(&json!({"name": "example.com"}))?);
///
/// let wrong = "row.ports.exists(p, p >)".parse::<Expression>().unwrap_err();
/// assert_eq!((wrong.line, wrong.column), (1, 24));
///
/// let hasty: Expression = "row.rules > 10".parse()?;
/// let error = hasty.matches(&json!({})).unwrap_err().to_string();
/// assert_eq!(
///     error,
///     "`row.rules > 10` has no answer at line 1, column 4: `row.rules` does not exist; \
///      ask `has(row.rules)` first"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: String,
    root: Node,
}

impl Expression {
    /// Longest expression, in bytes.
    pub const MAX_BYTES: usize = 4096;
    /// Deepest nesting of operators, calls and brackets.
    pub const MAX_DEPTH: usize = 64;
    /// Most steps for one row. An operation is a step, and so is each element that a macro goes
    /// through; comparing and joining texts and lists costs one for each 32 bytes or element. A
    /// step takes some 10 ns, so a row takes a millisecond at most, and some 3 MB of memory.
    pub const MAX_STEPS: u64 = 100_000;

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.source
    }

    /// Whether `row` meets the expression.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`] if it asks for what the row does not have, or needs more than
    /// [`MAX_STEPS`](Self::MAX_STEPS).
    pub fn matches(&self, row: &Value) -> Result<bool, NoAnswer> {
        eval::matches(&self.0.root, row).map_err(|(at, reason)| {
            let (line, column) = error::position(&self.0.source, at);
            NoAnswer {
                expression: error::shorten(&self.0.source),
                line,
                column,
                reason,
            }
        })
    }
}

impl TryFrom<String> for Expression {
    type Error = InvalidExpression;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        let root = compile::compile(&source)?;
        Ok(Self(Arc::new(Compiled { source, root })))
    }
}

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        Self::try_from(source.to_owned())
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.0.source.clone()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.source)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
