//! A filter as ranges of terms. An index with sorted terms answers it without reading a document.

use std::ops::{Bound, RangeBounds};

use super::date::{self, Span};
use super::terms::{ValueKind, kept, kept_prefix, term};
use super::{Filter, Literal, Order, Test, number};

/// A range of terms. It is never empty: its low end is before its high end, or both are the same and included.
pub type TermRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Describes by their [`terms`](super::terms()) which documents pass a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// All documents. It is never inside another plan.
    All,
    /// No document. It is never inside another plan.
    None,
    /// The documents with a term in the range.
    Terms(TermRange),
    /// The documents that pass all of these plans, of which there are at least two.
    And(Vec<Plan>),
    /// The documents that pass any of these plans, of which there are at least two.
    Or(Vec<Plan>),
    /// The documents that do not pass this plan.
    Not(Box<Plan>),
}

impl Plan {
    /// Whether a document with these terms passes. An index answers for all documents at once; this defines its answer.
    pub fn holds(&self, terms: &[Vec<u8>]) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Terms(range) => terms.iter().any(|term| range.contains(term)),
            Self::And(parts) => parts.iter().all(|part| part.holds(terms)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(terms)),
            Self::Not(inner) => !inner.holds(terms),
        }
    }

    fn and(parts: impl Iterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::All => {}
                Self::None => return Self::None,
                part => kept.push(part),
            }
        }
        if kept.len() > 1 { Self::And(kept) } else { kept.pop().unwrap_or(Self::All) }
    }

    fn or(parts: impl Iterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::None => {}
                Self::All => return Self::All,
                part => kept.push(part),
            }
        }
        if kept.len() > 1 { Self::Or(kept) } else { kept.pop().unwrap_or(Self::None) }
    }

    fn not(self) -> Self {
        match self {
            Self::All => Self::None,
            Self::None => Self::All,
            Self::Not(inner) => *inner,
            plan => Self::Not(Box::new(plan)),
        }
    }

    /// The terms from `low` to `high`; [`Plan::None`] if there can be no terms between them.
    fn range(low: Bound<Vec<u8>>, high: Bound<Vec<u8>>) -> Self {
        let empty = match (&low, &high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
            _ => false,
        };
        if empty { Self::None } else { Self::Terms((low, high)) }
    }

    /// The terms that start with `start`. Its last byte is a kind or a byte of UTF-8, and neither is ever 255.
    fn starting_with(start: Vec<u8>) -> Self {
        let end = after(start.clone());
        Self::range(Bound::Included(start), Bound::Excluded(end))
    }
}

/// The least byte string that is greater than all that start with `start`, whose last byte is not 255.
fn after(mut start: Vec<u8>) -> Vec<u8> {
    if let Some(last) = start.last_mut() {
        *last = last.saturating_add(1);
    }
    start
}

impl Filter {
    /// The filter as ranges of terms: it [`matches`](Filter::matches) metadata if and only if the plan
    /// [`holds`](Plan::holds) for their [`terms`](super::terms()).
    pub fn plan(&self) -> Plan {
        match self {
            Self::Field { path, test } => test.plan(path),
            Self::And(parts) => Plan::and(parts.iter().map(Self::plan)),
            Self::Or(parts) => Plan::or(parts.iter().map(Self::plan)),
            Self::Not(inner) => inner.plan().not(),
        }
    }
}

impl Test {
    fn plan(&self, path: &str) -> Plan {
        match self {
            Self::Exists => Plan::starting_with(term(path, ValueKind::Present, &[])),
            Self::OneOf(literals) => Plan::or(literals.iter().map(|literal| {
                let Covered { first, last, .. } = Covered::by(literal, path);
                Plan::range(Bound::Included(first), Bound::Included(last))
            })),
            Self::Compare(order, literal) => order.plan(Covered::by(literal, path), path),
            Self::Between(low, high) => {
                let (low, high) = (Covered::by(low, path), Covered::by(high, path));
                if low.kind != high.kind {
                    return Plan::None;
                }
                Plan::range(Bound::Included(low.first), Bound::Included(high.last))
            }
            Self::Prefix(prefix) => Plan::starting_with(term(path, ValueKind::Text, kept_prefix(prefix))),
        }
    }
}

impl Order {
    fn plan(self, covered: Covered, path: &str) -> Plan {
        let Covered { kind, first, last } = covered;
        let start = term(path, kind, &[]);
        let end = Bound::Excluded(after(start.clone()));
        let start = Bound::Included(start);
        match self {
            Self::Less => Plan::range(start, Bound::Excluded(first)),
            Self::AtMost => Plan::range(start, Bound::Included(last)),
            Self::AtLeast => Plan::range(Bound::Included(first), end),
            Self::Greater => Plan::range(Bound::Excluded(last), end),
        }
    }
}

/// The terms that represent a literal at a path: from the first to the last, all of one kind.
struct Covered {
    kind: ValueKind,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Covered {
    fn by(literal: &Literal, path: &str) -> Self {
        let one = |kind, value: &[u8]| {
            let term = term(path, kind, value);
            Self { kind, first: term.clone(), last: term }
        };
        match literal {
            Literal::Null => one(ValueKind::Null, &[]),
            Literal::Bool(bool) => one(ValueKind::Bool, &[u8::from(*bool)]),
            Literal::Number(number) => one(ValueKind::Number, &number::encode(number)),
            Literal::Text(text) => match Span::parse(text) {
                None => one(ValueKind::Text, &kept(text)),
                Some(span) => {
                    let [first, last] =
                        [span.first, span.last].map(|instant| term(path, ValueKind::Date, &date::encode(instant)));
                    Self { kind: ValueKind::Date, first, last }
                }
            },
        }
    }
}
