//! What is wrong with an expression, and why a row has no answer to it. Values are never quoted:
//! rows may hold what logs must not.

use super::Expression;

/// A text that is no expression. The positions are those of a text editor, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the expression `{expression}` is wrong at line {line}, column {column}: {problem}")]
pub struct InvalidExpression {
    /// The expression; its beginning if it is long.
    pub expression: String,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is longer than [`Expression::MAX_BYTES`].
    #[error("it has {0} bytes; at most {max} are allowed", max = Expression::MAX_BYTES)]
    TooLong(usize),
    /// It does not parse.
    #[error("{0}")]
    Syntax(String),
    /// It is nested deeper than [`Expression::MAX_DEPTH`].
    #[error("it is nested deeper than {max} levels", max = Expression::MAX_DEPTH)]
    TooDeep,
    /// It names a variable that does not exist.
    #[error("there is no variable `{0}`; a row's fields are written `row.field`")]
    UnknownVariable(String),
    /// It calls a function that does not exist, or with another number of arguments.
    #[error("there is no function `{name}` with {arguments} arguments, the receiver included")]
    UnknownFunction {
        /// The name.
        name: String,
        /// How many arguments it is given.
        arguments: usize,
    },
    /// It uses a part of CEL that is not supported.
    #[error("{0} are not supported here")]
    Unsupported(&'static str),
    /// The pattern of `matches` is no regular expression, is too large when compiled, or is not
    /// written out.
    #[error("the pattern of `matches` {0}")]
    Pattern(&'static str),
}

/// A row for which an expression has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` has no answer at line {line}, column {column}: {reason}")]
pub struct NoAnswer {
    /// The expression; its beginning if it is long.
    pub expression: String,
    /// The line of the part that has none, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// Why.
    pub reason: Reason,
}

/// Why an expression has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The row has no such field or element.
    #[error("`{place}` does not exist; ask `has({place})` first")]
    Missing {
        /// The place, as it is written in an expression.
        place: String,
    },
    /// A value has another type than the operation takes.
    #[error("`{operation}` does not take {found}")]
    Type {
        /// The operation.
        operation: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// A whole number outside the 64 bits that it has.
    #[error("the result of `{0}` does not fit 64 bits")]
    Overflow(&'static str),
    /// A division by zero.
    #[error("it divides by zero")]
    DivisionByZero,
    /// An index outside its list.
    #[error("the list has no such element")]
    OutOfBounds,
    /// A text that is no number.
    #[error("`{0}` is given a text that is no number")]
    NoNumber(&'static str),
    /// It needs more than [`Expression::MAX_STEPS`].
    #[error("it takes more than {max} steps for this row", max = Expression::MAX_STEPS)]
    TooManySteps,
    /// The result is no boolean.
    #[error("the result is {0}, not true or false")]
    NotBoolean(&'static str),
}

impl Reason {
    /// Whether `&&` and `||` may forgive it. The end of the steps is the end.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::TooManySteps)
    }
}

/// Line and column of the character at `at`, both from 1.
pub(super) fn position(source: &str, at: u32) -> (u32, u32) {
    let (mut line, mut column) = (1, 1);
    for c in source.chars().take(at as usize) {
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}

/// The beginning of an expression, for a message.
pub(super) fn shorten(source: &str) -> String {
    const MOST: usize = 120;
    match source.char_indices().nth(MOST) {
        None => source.to_owned(),
        Some((end, _)) => format!("{}…", source.get(..end).unwrap_or_default()),
    }
}
