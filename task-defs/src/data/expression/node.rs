//! A compiled expression: checked, with everything resolved that does not depend on the row.

use regex::Regex;

use super::value::Num;

/// A part of an expression, and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// The character at which it stands.
    pub(super) at: u32,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Num),
    Text(String),
    List(Vec<Node>),
    Row,
    /// The variable of the macro at this depth.
    Local(usize, String),
    Field(Box<Node>, String),
    Has(Box<Node>, String),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Arithmetic(Operator, Box<[Node; 2]>),
    Negate(Box<Node>),
    Call1(Function1, Box<Node>),
    Call2(Function2, Box<[Node; 2]>),
    Matches(Box<Node>, Regex),
    Fold(Box<Fold>),
}

/// A macro over the elements of a list, or the keys of an object.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) over: Node,
    pub(super) each: Each,
}

#[derive(Debug)]
pub(super) enum Each {
    All(Node),
    Any(Node),
    One(Node),
    /// The elements that meet the first, if there is one, as the second.
    Map(Option<Node>, Node),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function1 {
    Size,
    LowerAscii,
    Int,
    Double,
    String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function2 {
    Contains,
    StartsWith,
    EndsWith,
}

impl Comparison {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }
}

impl Operator {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Function1 {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::LowerAscii => "lowerAscii",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
        }
    }
}

impl Function2 {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
        }
    }
}

impl Node {
    /// The place that this part names, as it is written.
    pub(super) fn place(&self) -> String {
        match &self.kind {
            Kind::Row => "row".to_owned(),
            Kind::Local(_, name) => name.clone(),
            Kind::Field(of, name) => format!("{}.{name}", of.place()),
            Kind::Index(of) => format!("{}[…]", of[0].place()),
            _ => "(…)".to_owned(),
        }
    }
}
