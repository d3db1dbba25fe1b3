//! Evaluates a filter on metadata, value by value. This defines the meaning of a filter; [`Plan`](super::Plan) answers
//! the same from an index.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::date::Span;
use super::terms::{kept, kept_prefix};
use super::{Filter, Literal, Order, Test, number};

impl Filter {
    /// Whether a document with these metadata passes the filter.
    pub fn matches(&self, metadata: &Map<String, Value>) -> bool {
        match self {
            Self::Field { path, test } => values_at(path, metadata).into_iter().any(|value| test.passes(value)),
            Self::And(parts) => parts.iter().all(|part| part.matches(metadata)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(metadata)),
            Self::Not(inner) => !inner.matches(metadata),
        }
    }
}

impl Test {
    fn passes(&self, value: &Value) -> bool {
        match self {
            Self::Exists => !value.is_null(),
            Self::OneOf(literals) => literals.iter().any(|literal| compare(value, literal) == Some(Ordering::Equal)),
            Self::Compare(order, literal) => order.holds(compare(value, literal)),
            Self::Between(low, high) => {
                low.kind() == high.kind()
                    && Order::AtLeast.holds(compare(value, low))
                    && Order::AtMost.holds(compare(value, high))
            }
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.as_bytes().starts_with(kept_prefix(prefix))),
        }
    }
}

impl Order {
    /// `None`, which is the result for values of different kinds, satisfies no order.
    fn holds(self, found: Option<Ordering>) -> bool {
        found.is_some_and(|found| match self {
            Self::Less => found.is_lt(),
            Self::AtMost => found.is_le(),
            Self::AtLeast => found.is_ge(),
            Self::Greater => found.is_gt(),
        })
    }
}

/// The values at `path`. Arrays are replaced by their elements.
fn values_at<'a>(path: &'a str, metadata: &'a Map<String, Value>) -> Vec<&'a Value> {
    let mut open = fields_on(path, metadata);
    let mut found = Vec::new();
    while let Some((rest, value)) = open.pop() {
        match (value, rest) {
            (Value::Array(elements), rest) => open.extend(elements.iter().map(|element| (rest, element))),
            (value, None) => found.push(value),
            (Value::Object(fields), Some(rest)) => open.extend(fields_on(rest, fields)),
            _ => {}
        }
    }
    found
}

/// The fields into which `path` may lead, each with the rest of the path: `a.b.c` leads into `a`, `a.b` and `a.b.c`.
fn fields_on<'a>(path: &'a str, fields: &'a Map<String, Value>) -> Vec<(Option<&'a str>, &'a Value)> {
    let dots = path.match_indices('.').map(|(dot, _)| (&path[..dot], Some(&path[dot + 1..])));
    let ways = dots.chain([(path, None)]);
    ways.filter_map(|(key, rest)| Some((rest, fields.get(key)?))).collect()
}

/// The order of `value` relative to `literal`; `None` if they are of different kinds.
fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(value), Literal::Bool(literal)) => Some(value.cmp(literal)),
        (Value::Number(value), Literal::Number(literal)) => Some(number::compare(value, literal)),
        (Value::String(value), Literal::Text(literal)) => match Span::parse(literal) {
            Some(span) => Some(compare_instant(Span::parse(value)?.first, span)),
            None => Some(kept(value).cmp(&kept(literal))),
        },
        _ => None,
    }
}

/// Whether an instant is before, in or after a range of time.
fn compare_instant(instant: i128, span: Span) -> Ordering {
    if instant < span.first {
        Ordering::Less
    } else if instant > span.last {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}
