//! From text to a checked expression.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SourceInfo, operators as op,
};
use cel::parser::{ParseErrors, Parser};
use regex::RegexBuilder;

use super::Expression;
use super::error::{InvalidExpression, Problem, position, shorten};
use super::node::{Comparison, Each, Fold, Function1, Function2, Kind, Node, Operator};
use super::value::Num;

/// Bytes that one compiled pattern may have: enough for any that a person writes, and little
/// enough that a match takes no longer than reading the text a few hundred times.
const PATTERN_BYTES: usize = 64 << 10;

/// Stack of the parser: what the worst of [`Expression::MAX_BYTES`] takes without optimisation,
/// twice. Only what is used of it becomes memory.
const STACK_BYTES: usize = 32 << 20;

pub(super) fn compile(source: &str) -> Result<Node, InvalidExpression> {
    let wrong = |at, problem| {
        let (line, column) = position(source, at);
        InvalidExpression {
            expression: shorten(source),
            line,
            column,
            problem,
        }
    };
    if source.len() > Expression::MAX_BYTES {
        return Err(wrong(0, Problem::TooLong(source.len())));
    }
    let parse = || {
        let (ast, places) = match Parser::new().parse_with_source_info(source) {
            Ok(parsed) => parsed,
            Err(errors) => return Err(syntax(source, &errors)),
        };
        let mut compiler = Compiler {
            places,
            locals: Vec::new(),
            depth: 0,
        };
        compiler
            .node(&ast)
            .map_err(|(at, problem)| wrong(at, problem))
    };
    // The parser recurses, and asserts some of its own invariants. On a thread of its own it has
    // the stack that the longest expression needs, and whoever finds a way around an assertion
    // does not take down who compiles.
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let parsed = builder
            .spawn_scoped(scope, parse)
            .map(std::thread::ScopedJoinHandle::join);
        let no_thread = || wrong(0, Problem::Syntax("it cannot be parsed here".to_owned()));
        parsed
            .unwrap_or_else(|_| Ok(Err(no_thread())))
            .unwrap_or_else(|_| Err(no_thread()))
    })
}

/// The first error of the parser.
fn syntax(source: &str, errors: &ParseErrors) -> InvalidExpression {
    let first = errors.errors.iter().find(|error| error.pos.0 > 0);
    let first = first.or_else(|| errors.errors.first());
    let (line, column) = first.map_or((1, 1), |error| error.pos);
    let message = first.map_or("it does not parse", |error| &error.msg);
    // It goes on with a list of every token that could stand there.
    let message = message.split(" expecting {").next().unwrap_or(message);
    let at_least_one = |n: isize| u32::try_from(n).unwrap_or(1).max(1);
    InvalidExpression {
        expression: shorten(source),
        line: at_least_one(line),
        column: at_least_one(column),
        problem: Problem::Syntax(shorten(message)),
    }
}

type Compiled<T> = Result<T, (u32, Problem)>;

struct Compiler {
    places: SourceInfo,
    /// The variables of the macros around.
    locals: Vec<String>,
    depth: usize,
}

impl Compiler {
    fn node(&mut self, expr: &IdedExpr) -> Compiled<Node> {
        let at = self.places.offset_for(expr.id).map_or(0, |(from, _)| from);
        if self.depth == Expression::MAX_DEPTH {
            return Err((at, Problem::TooDeep));
        }
        self.depth += 1;
        let kind = self.kind(&expr.expr, at)?;
        self.depth -= 1;
        Ok(Node { at, kind })
    }

    fn kind(&mut self, expr: &Expr, at: u32) -> Compiled<Kind> {
        let unsupported = |what| Err((at, Problem::Unsupported(what)));
        Ok(match expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Null => Kind::Null,
                LiteralValue::Boolean(value) => Kind::Bool(*value.inner()),
                LiteralValue::Int(value) => Kind::Number(Num::Whole((*value.inner()).into())),
                LiteralValue::UInt(value) => Kind::Number(Num::Whole((*value.inner()).into())),
                LiteralValue::Double(value) => Kind::Number(Num::Real(*value.inner())),
                LiteralValue::String(value) => Kind::Text(value.inner().to_owned()),
                LiteralValue::Bytes(_) => return unsupported("bytes"),
            },
            Expr::Ident(name) => self.variable(name, at)?,
            Expr::Select(select) => {
                let of = Box::new(self.node(&select.operand)?);
                let field = select.field.clone();
                if select.test {
                    Kind::Has(of, field)
                } else {
                    Kind::Field(of, field)
                }
            }
            Expr::List(ListExpr { elements, .. }) => {
                let elements = elements.iter().map(|element| self.node(element));
                Kind::List(elements.collect::<Compiled<_>>()?)
            }
            Expr::Call(call) => self.call(call, at)?,
            Expr::Comprehension(fold) => Kind::Fold(Box::new(self.fold(fold, at)?)),
            Expr::Map(_) | Expr::Struct(_) => return unsupported("objects that are written out"),
            Expr::Unspecified => return unsupported("empty parts"),
        })
    }

    fn variable(&self, name: &str, at: u32) -> Compiled<Kind> {
        // The innermost of a name hides the others.
        if let Some(depth) = self.locals.iter().rposition(|local| local == name) {
            return Ok(Kind::Local(depth, name.to_owned()));
        }
        if name == "row" {
            return Ok(Kind::Row);
        }
        Err((at, Problem::UnknownVariable(name.to_owned())))
    }

    fn call(&mut self, call: &CallExpr, at: u32) -> Compiled<Kind> {
        let arguments: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let unknown = || {
            let problem = Problem::UnknownFunction {
                name: call.func_name.clone(),
                arguments: arguments.len(),
            };
            (at, problem)
        };
        match *arguments {
            [a] => {
                let function = match call.func_name.as_str() {
                    op::LOGICAL_NOT => return Ok(Kind::Not(Box::new(self.node(a)?))),
                    op::NEGATE => return Ok(Kind::Negate(Box::new(self.node(a)?))),
                    "size" => Function1::Size,
                    "lowerAscii" => Function1::LowerAscii,
                    "int" => Function1::Int,
                    "double" => Function1::Double,
                    "string" => Function1::String,
                    _ => return Err(unknown()),
                };
                Ok(Kind::Call1(function, Box::new(self.node(a)?)))
            }
            [a, b] => {
                if call.func_name == "matches" {
                    return self.pattern(a, b, at);
                }
                let both = Box::new([self.node(a)?, self.node(b)?]);
                Ok(match call.func_name.as_str() {
                    op::LOGICAL_AND => Kind::And(both),
                    op::LOGICAL_OR => Kind::Or(both),
                    op::EQUALS => Kind::Compare(Comparison::Equal, both),
                    op::NOT_EQUALS => Kind::Compare(Comparison::NotEqual, both),
                    op::LESS => Kind::Compare(Comparison::Less, both),
                    op::LESS_EQUALS => Kind::Compare(Comparison::LessEqual, both),
                    op::GREATER => Kind::Compare(Comparison::Greater, both),
                    op::GREATER_EQUALS => Kind::Compare(Comparison::GreaterEqual, both),
                    op::IN => Kind::In(both),
                    op::INDEX => Kind::Index(both),
                    op::ADD => Kind::Arithmetic(Operator::Add, both),
                    op::SUBSTRACT => Kind::Arithmetic(Operator::Subtract, both),
                    op::MULTIPLY => Kind::Arithmetic(Operator::Multiply, both),
                    op::DIVIDE => Kind::Arithmetic(Operator::Divide, both),
                    op::MODULO => Kind::Arithmetic(Operator::Remainder, both),
                    "contains" => Kind::Call2(Function2::Contains, both),
                    "startsWith" => Kind::Call2(Function2::StartsWith, both),
                    "endsWith" => Kind::Call2(Function2::EndsWith, both),
                    _ => return Err(unknown()),
                })
            }
            [a, b, c] if call.func_name == op::CONDITIONAL => {
                let parts = [self.node(a)?, self.node(b)?, self.node(c)?];
                Ok(Kind::If(Box::new(parts)))
            }
            _ => Err(unknown()),
        }
    }

    fn pattern(&mut self, text: &IdedExpr, pattern: &IdedExpr, at: u32) -> Compiled<Kind> {
        let wrong = |what| (at, Problem::Pattern(what));
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err(wrong("must be written out as a text"));
        };
        let compiled = RegexBuilder::new(pattern.inner())
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(1 << 20)
            .nest_limit(64)
            .build();
        let pattern = compiled.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => wrong("is too large; write a shorter one"),
            _ => wrong("is no regular expression"),
        })?;
        Ok(Kind::Matches(Box::new(self.node(text)?), pattern))
    }

    /// The parser has written the macros out as loops with a result of their own; here they are
    /// recognised again, since a known loop is cheaper and its cost is plain.
    fn fold(&mut self, fold: &ComprehensionExpr, at: u32) -> Compiled<Fold> {
        let over = self.node(&fold.iter_range)?;
        let Expr::Call(step) = &fold.loop_step.expr else {
            return Err((at, Problem::Unsupported("loops of this kind")));
        };
        self.locals.push(fold.iter_var.clone());
        let each = match (step.func_name.as_str(), step.args.as_slice()) {
            (op::LOGICAL_AND, [_, test]) => Each::All(self.node(test)?),
            (op::LOGICAL_OR, [_, test]) => Each::Any(self.node(test)?),
            (op::ADD, [_, one]) => Each::Map(None, self.appended(one, at)?),
            (op::CONDITIONAL, [test, then, _]) => {
                let test = self.node(test)?;
                let Expr::Call(CallExpr { args, .. }) = &then.expr else {
                    return Err((at, Problem::Unsupported("loops of this kind")));
                };
                match args.as_slice() {
                    [_, one] if matches!(one.expr, Expr::Literal(_)) => Each::One(test),
                    [_, one] => Each::Map(Some(test), self.appended(one, at)?),
                    _ => return Err((at, Problem::Unsupported("loops of this kind"))),
                }
            }
            _ => return Err((at, Problem::Unsupported("loops of this kind"))),
        };
        self.locals.pop();
        Ok(Fold { over, each })
    }

    /// What a `map` or `filter` appends: the only element of a list.
    fn appended(&mut self, list: &IdedExpr, at: u32) -> Compiled<Node> {
        match &list.expr {
            Expr::List(ListExpr { elements, .. }) if elements.len() == 1 => elements
                .iter()
                .map(|element| self.node(element))
                .collect::<Compiled<Vec<_>>>()
                .and_then(|mut nodes| {
                    nodes
                        .pop()
                        .ok_or((at, Problem::Unsupported("loops of this kind")))
                }),
            _ => Err((at, Problem::Unsupported("loops of this kind"))),
        }
    }
}
