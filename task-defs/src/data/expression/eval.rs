//! Evaluation: bounded by steps, borrowing from the row.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::Value;

use super::Expression;
use super::error::Reason;
use super::node::{Comparison, Each, Fold, Function1, Function2, Kind, Node, Operator};
use super::value::{Num, Val, element, items};

/// A value, or where there is none and why.
type Answer<T> = Result<T, (u32, Reason)>;

/// Whether `row` meets the expression.
pub(super) fn matches(root: &Node, row: &Value) -> Answer<bool> {
    let mut eval = Eval {
        row,
        locals: Vec::new(),
        left: Expression::MAX_STEPS,
    };
    match eval.value(root)? {
        Val::Bool(answer) => Ok(answer),
        other => Err((root.at, Reason::NotBoolean(other.type_name()))),
    }
}

struct Eval<'a> {
    row: &'a Value,
    /// The variables of the macros around, by depth.
    locals: Vec<Val<'a>>,
    /// Steps that are left.
    left: u64,
}

/// Bytes of text that one step compares, joins or searches.
const BYTES_PER_STEP: usize = 32;

impl<'a> Eval<'a> {
    fn value(&mut self, node: &'a Node) -> Answer<Val<'a>> {
        self.pay(node.at, 1)?;
        Ok(match &node.kind {
            Kind::Null => Val::Null,
            Kind::Bool(value) => Val::Bool(*value),
            Kind::Number(number) => Val::Number(*number),
            Kind::Text(text) => Val::Text(text),
            Kind::List(nodes) => {
                let values = nodes.iter().map(|node| self.value(node));
                Val::List(values.collect::<Answer<Rc<[_]>>>()?)
            }
            Kind::Row => Val::from(self.row),
            // The compiler has counted the macros in the same way, so there is one.
            Kind::Local(depth, _) => self.locals.get(*depth).cloned().unwrap_or(Val::Null),
            Kind::Field(of, name) => match self.value(of)? {
                Val::Object(fields) => fields
                    .get(name)
                    .map(Val::from)
                    .ok_or_else(|| missing(node))?,
                _ => return Err(missing(node)),
            },
            Kind::Has(of, name) => match self.value(of) {
                Ok(Val::Object(fields)) => Val::Bool(fields.contains_key(name)),
                Ok(_) | Err((_, Reason::Missing { .. })) => Val::Bool(false),
                Err(error) => return Err(error),
            },
            Kind::Index(both) => {
                let (of, index) = self.both(both)?;
                element(&of, &index).map_err(|reason| (node.at, reason))?
            }
            Kind::Not(of) => Val::Bool(!self.boolean(of, "!")?),
            Kind::And(both) => Val::Bool(self.settle(both, "&&", false)?),
            Kind::Or(both) => Val::Bool(self.settle(both, "||", true)?),
            Kind::If(parts) => {
                let [test, then, otherwise] = &**parts;
                let taken = if self.boolean(test, "?:")? {
                    then
                } else {
                    otherwise
                };
                self.value(taken)?
            }
            Kind::Compare(how, both) => {
                let (a, b) = self.both(both)?;
                Val::Bool(self.compare(*how, &a, &b, node.at)?)
            }
            Kind::In(both) => {
                let (item, of) = self.both(both)?;
                Val::Bool(self.contains(&item, &of, node.at)?)
            }
            Kind::Arithmetic(operator, both) => {
                let (a, b) = self.both(both)?;
                self.arithmetic(*operator, &a, &b, node.at)?
            }
            Kind::Negate(of) => match self.value(of)? {
                Val::Number(Num::Whole(value)) => whole(-value, "-", node.at)?,
                Val::Number(Num::Real(value)) => Val::Number(Num::Real(-value)),
                other => return Err(wrong_type("-", &other, node.at)),
            },
            Kind::Call1(function, of) => {
                let of = self.value(of)?;
                self.call1(*function, &of, node.at)?
            }
            Kind::Call2(function, both) => {
                let (text, part) = self.both(both)?;
                let (text, part) = (
                    self.text(&text, function.name(), node.at)?,
                    self.text(&part, function.name(), node.at)?,
                );
                Val::Bool(match function {
                    Function2::Contains => text.contains(part),
                    Function2::StartsWith => text.starts_with(part),
                    Function2::EndsWith => text.ends_with(part),
                })
            }
            Kind::Matches(of, pattern) => {
                let of = self.value(of)?;
                let text = self.text(&of, "matches", node.at)?;
                // A pattern goes through the text a few hundred times at worst.
                self.pay(node.at, text.len() / 4)?;
                Val::Bool(pattern.is_match(text))
            }
            Kind::Fold(fold) => self.fold(fold, node.at)?,
        })
    }

    fn pay(&mut self, at: u32, steps: usize) -> Answer<()> {
        let left = self.left.checked_sub(steps as u64);
        self.left = left.ok_or((at, Reason::TooManySteps))?;
        Ok(())
    }

    fn both(&mut self, both: &'a [Node; 2]) -> Answer<(Val<'a>, Val<'a>)> {
        Ok((self.value(&both[0])?, self.value(&both[1])?))
    }

    fn boolean(&mut self, node: &'a Node, operation: &'static str) -> Answer<bool> {
        match self.value(node)? {
            Val::Bool(value) => Ok(value),
            other => Err(wrong_type(operation, &other, node.at)),
        }
    }

    /// A text, paid for.
    fn text<'t>(&mut self, of: &'t Val<'_>, operation: &'static str, at: u32) -> Answer<&'t str> {
        let text = of.text().ok_or_else(|| wrong_type(operation, of, at))?;
        self.pay(at, text.len() / BYTES_PER_STEP)?;
        Ok(text)
    }

    /// `&&` and `||`: if one side is `decisive` the other does not matter, even if it has no
    /// answer.
    fn settle(
        &mut self,
        both: &'a [Node; 2],
        operation: &'static str,
        decisive: bool,
    ) -> Answer<bool> {
        let left = match self.boolean(&both[0], operation) {
            Ok(left) if left == decisive => return Ok(decisive),
            Err((at, reason)) if reason.is_final() => return Err((at, reason)),
            left => left,
        };
        match self.boolean(&both[1], operation)? {
            right if right == decisive => Ok(decisive),
            _ => left,
        }
    }

    fn compare(&mut self, how: Comparison, a: &Val<'_>, b: &Val<'_>, at: u32) -> Answer<bool> {
        match how {
            Comparison::Equal => return self.equal(a, b, at),
            Comparison::NotEqual => return Ok(!self.equal(a, b, at)?),
            _ => {}
        }
        let order = match (a, b) {
            (Val::Number(a), Val::Number(b)) => a.compare(*b),
            (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
            _ => {
                let a = self.text(a, how.name(), at)?;
                Some(a.cmp(self.text(b, how.name(), at)?))
            }
        };
        // Without an order one of them is NaN, which is neither less nor greater than anything.
        Ok(order.is_some_and(|order| match how {
            Comparison::Less => order == Ordering::Less,
            Comparison::LessEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }))
    }

    fn equal(&mut self, a: &Val<'_>, b: &Val<'_>, at: u32) -> Answer<bool> {
        self.pay(at, 1)?;
        match (a, b) {
            (Val::Null, Val::Null) => Ok(true),
            (Val::Bool(a), Val::Bool(b)) => Ok(a == b),
            (Val::Number(a), Val::Number(b)) => Ok(a.compare(*b) == Some(Ordering::Equal)),
            (Val::Object(a), Val::Object(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for ((a_key, a), (b_key, b)) in a.iter().zip(b.iter()) {
                    self.pay(at, a_key.len() / BYTES_PER_STEP)?;
                    if a_key != b_key || !self.equal(&a.into(), &b.into(), at)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Val::Text(_) | Val::Made(_), Val::Text(_) | Val::Made(_)) => {
                let shorter = a
                    .text()
                    .map_or(0, str::len)
                    .min(b.text().map_or(0, str::len));
                self.pay(at, shorter / BYTES_PER_STEP)?;
                Ok(a.text() == b.text())
            }
            _ => match (items(a), items(b)) {
                (Some(a), Some(b)) if a.len() == b.len() => {
                    for (a, b) in a.zip(b) {
                        if !self.equal(&a, &b, at)? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }
                _ => Ok(false),
            },
        }
    }

    fn contains(&mut self, item: &Val<'_>, of: &Val<'_>, at: u32) -> Answer<bool> {
        if let Val::Object(fields) = of {
            let key = self.text(item, "in", at)?;
            return Ok(fields.contains_key(key));
        }
        for element in items(of).ok_or_else(|| wrong_type("in", of, at))? {
            if self.equal(item, &element, at)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        a: &Val<'a>,
        b: &Val<'a>,
        at: u32,
    ) -> Answer<Val<'a>> {
        let name = operator.name();
        match (a, b) {
            (Val::Number(a), Val::Number(b)) => {
                let result = a.calculate(operator, *b);
                result.map(Val::Number).map_err(|reason| (at, reason))
            }
            _ if operator != Operator::Add => {
                let odd = if matches!(a, Val::Number(_)) { b } else { a };
                Err(wrong_type(name, odd, at))
            }
            _ => match (items(a), items(b)) {
                (Some(a), Some(b)) => {
                    self.pay(at, a.len().saturating_add(b.len()))?;
                    Ok(Val::List(a.chain(b).collect()))
                }
                _ => {
                    let (a, b) = (self.text(a, name, at)?, self.text(b, name, at)?);
                    Ok(Val::Made([a, b].concat().into()))
                }
            },
        }
    }

    fn call1(&mut self, function: Function1, of: &Val<'a>, at: u32) -> Answer<Val<'a>> {
        let name = function.name();
        Ok(match (function, of) {
            (Function1::Size, Val::Object(fields)) => size(fields.len()),
            (Function1::Size, of) => match items(of) {
                Some(items) => size(items.len()),
                None => size(self.text(of, name, at)?.chars().count()),
            },
            (Function1::LowerAscii, of) => {
                Val::Made(self.text(of, name, at)?.to_ascii_lowercase().into())
            }
            (Function1::Int, Val::Number(number)) => {
                Val::Number(number.truncated().ok_or((at, Reason::Overflow(name)))?)
            }
            (Function1::Double, Val::Number(number)) => Val::Number(Num::Real(number.real())),
            (Function1::Int | Function1::Double, of) => {
                let text = self.text(of, name, at)?;
                let parsed = if function == Function1::Int {
                    text.parse().ok().and_then(Num::whole)
                } else {
                    text.parse().ok().map(Num::Real)
                };
                Val::Number(parsed.ok_or((at, Reason::NoNumber(name)))?)
            }
            (Function1::String, Val::Bool(value)) => Val::Made(value.to_string().into()),
            (Function1::String, Val::Number(Num::Whole(value))) => {
                Val::Made(value.to_string().into())
            }
            (Function1::String, Val::Number(Num::Real(value))) => {
                Val::Made(value.to_string().into())
            }
            (Function1::String, of) => Val::Made(self.text(of, name, at)?.into()),
        })
    }

    fn fold(&mut self, fold: &'a Fold, at: u32) -> Answer<Val<'a>> {
        let over = self.value(&fold.over)?;
        if let Val::Object(fields) = over {
            let keys = fields.keys().map(|key| Val::Text(key));
            return self.each(&fold.each, keys, at);
        }
        let items = items(&over).ok_or_else(|| wrong_type("a macro", &over, fold.over.at))?;
        self.each(&fold.each, items, at)
    }

    fn each(
        &mut self,
        each: &'a Each,
        items: impl Iterator<Item = Val<'a>>,
        at: u32,
    ) -> Answer<Val<'a>> {
        let depth = self.locals.len();
        let mut found: u64 = 0;
        let mut made = Vec::new();
        let mut unanswered = None;
        for item in items {
            self.pay(at, 1)?;
            self.locals.push(item);
            let one = self.once(each);
            self.locals.truncate(depth);
            match (each, one) {
                (Each::All(_), Ok(Some(Val::Bool(false)))) => return Ok(Val::Bool(false)),
                (Each::Any(_), Ok(Some(Val::Bool(true)))) => return Ok(Val::Bool(true)),
                (Each::One(_), Ok(Some(Val::Bool(true)))) => found += 1,
                (Each::Map(..), Ok(Some(value))) => made.push(value),
                (_, Ok(_)) => {}
                // As for `&&` and `||`: a later element may decide.
                (Each::All(_) | Each::Any(_), Err((at, reason))) if !reason.is_final() => {
                    unanswered = Some((at, reason));
                }
                (_, Err(error)) => return Err(error),
            }
        }
        if let Some(error) = unanswered {
            return Err(error);
        }
        Ok(match each {
            Each::All(_) => Val::Bool(true),
            Each::Any(_) => Val::Bool(false),
            Each::One(_) => Val::Bool(found == 1),
            Each::Map(..) => Val::List(made.into()),
        })
    }

    /// What one element gives; `None` if `filter` leaves it out.
    fn once(&mut self, each: &'a Each) -> Answer<Option<Val<'a>>> {
        match each {
            Each::All(test) => self.boolean(test, "all").map(Val::Bool).map(Some),
            Each::Any(test) => self.boolean(test, "exists").map(Val::Bool).map(Some),
            Each::One(test) => self.boolean(test, "exists_one").map(Val::Bool).map(Some),
            Each::Map(Some(test), _) if !self.boolean(test, "filter")? => Ok(None),
            Each::Map(_, value) => self.value(value).map(Some),
        }
    }
}

fn missing(node: &Node) -> (u32, Reason) {
    let place = node.place();
    (node.at, Reason::Missing { place })
}

fn wrong_type(operation: &'static str, found: &Val<'_>, at: u32) -> (u32, Reason) {
    let found = found.type_name();
    (at, Reason::Type { operation, found })
}

fn whole<'a>(value: i128, operation: &'static str, at: u32) -> Answer<Val<'a>> {
    let number = Num::whole(value).ok_or((at, Reason::Overflow(operation)))?;
    Ok(Val::Number(number))
}

fn size<'a>(len: usize) -> Val<'a> {
    Val::Number(Num::Whole(len as i128))
}
