//! The language of `--filter`: conditions on a document's metadata.
//!
//! A [`Filter`] is parsed from text, and evaluated in two ways that agree. The first way looks into a document's
//! metadata ([`Filter::matches`]). The second uses an inverted index that lists documents under [`terms()`], which are
//! sorted byte strings; [`Filter::plan`] names ranges of them. The index decides how it looks terms up, and the command
//! line decides how an error is shown, with [`caret()`].
//!
//! | filter | finds | but not |
//! | --- | --- | --- |
//! | `year = 1990` | `{"year": 1990.0}` | `{"year": "1990"}` |
//! | `year != 1990` | `{}` | `{"year": [1989, 1990]}` |
//! | `year >= 1990 and year < 2000` | `{"year": 1999.5}` | `{"year": 2000}` |
//! | `year in 1990..2000` | `{"year": 2000}` | `{"year": [1980, 2010]}` |
//! | `year:1990..` | `{"year": 1e300}` | `{"year": 1989}` |
//! | `year not between 1990 and 2000` | `{"year": 1989}` | `{"year": 1990}` |
//! | `lang in [en, "de"] && !draft = true` | `{"lang": "de"}` | `{"lang": "de", "draft": true}` |
//! | `lang:en OR NOT (lang exists)` | `{"title": "x"}` | `{"lang": "de"}` |
//! | `tags = x and tags == 'y'` | `{"tags": ["x", "y"]}` | `{"tags": "x"}` |
//! | `author.name ^= "Jane D"` | `{"author": [{"name": "Jane Doe"}]}` | `{"author": {"name": "jane doe"}}` |
//! | `name:Sup*` | `{"name": "Super Bowl"}` | `{"name": "The Super Bowl"}` |
//! | `"first name".x starts with 'A'` | `{"first name": {"x": "Ada"}}` | `{"first": {"name.x": "Ada"}}` |
//! | `a.b = 1` | `{"a.b": 1, "a": {"b": 2}}` | `{"a": {"b": {"b": 1}}}` |
//! | `date < 2020-06-01` | `{"date": "2020-06-01T01:00:00+02:00"}` | `{"date": "2020-06-01"}` |
//! | `date <= 2020-06-01` | `{"date": "2020-06-01T23:59:59Z"}` | `{"date": "2020-06-02"}` |
//! | `date > 2020-06-01` | `{"date": "2020-06-02"}` | `{"date": "2020-06-01T12:00:00Z"}` |
//! | `date = 2020-06-01` | `{"date": "2020-06-01T12:00:00Z"}` | `{"date": "2020-06-01T23:00:00-05:00"}` |
//! | `date in 2020-01..2020-06` | `{"date": "2020-06-30T12:00:00Z"}` | `{"date": "2020-07-01"}` |
//! | `exists(doi)` | `{"doi": {}}` | `{"doi": [null]}` |
//! | `doi is null` | `{"doi": []}` | `{"doi": "10.1"}` |
//! | `doi = null` | `{"doi": [1, null]}` | `{"id": 1}` |
//! | `views > 9007199254740992` | `{"views": 9007199254740993}` | `{"views": 9007199254740992.0}` |
//! | `a:1 \|\| b:>2` | `{"b": 3}` | `{"b": 2}` |
//!
//! # Spelling
//! - A *field* is the keys that lead to a value, joined by dots: `author.name`. Names with other characters than
//!   letters, digits, `_ - @ $ #` and the like are quoted, and so are `and`, `or` and `not`. A dot inside a key is
//!   treated like one between keys: `a.b` means the key `a.b`, the key `b` inside `a`, or both.
//! - *Equal* is `=`, `==`, `:` or `is`; *not equal* is `!=`, `<>` or `is not`. After it stands a value; a set `[a, b]`
//!   or `(a, b)`, which means any of its values; a range `a..b`, `a..` or `..b`, which includes its ends; a prefix
//!   `abc*`; or `*` for any value. `in` is for sets and ranges; `between a and b` is a range.
//! - *Order* is `<`, `<=`, `>`, `>=`, for numbers, dates and strings.
//! - *Prefix* is `^=` or `starts with`.
//! - *Existence* is `exists(field)`, `has(field)`, `field exists` or `field is not null`; `field is null` is its opposite.
//! - `not` (`!`) binds closest, then `and` (`&&`), then `or` (`||`). `not` may also stand before an operator: `x not in [1]`.
//! - Strings are in single quotes, double quotes or backquotes, with JSON's escapes. A string needs no quotes if it has
//!   no white space and none of ``()[]{},;"'`=<>!&|^*~\`` in it. Numbers, `true`, `false` and `null` without quotes are
//!   not strings; with quotes they are.
//! - Keywords are the same in upper and lower case.
//!
//! # Meaning
//! - The *values of a field* are all values to which its path leads. An array stands for its elements, both inside the
//!   path and at its end; an empty array is no value. An object is a value too, but it equals nothing.
//! - A condition holds if one value of the field satisfies it. So one value must satisfy both ends of a range, while
//!   two different values may satisfy `x > 1 and x < 3`.
//! - A negated condition holds if the condition does not: `!=` and `not in` are true if the field is missing.
//! - Values of different kinds are never equal and have no order: `"5"` is not `5`, and `null` equals only `null`.
//! - Numbers compare exactly, whether they are stored as integers or as floats.
//! - Strings compare by their bytes. Strings over 1,024 bytes are equal only if they are the same; if two of them share
//!   their first 1,024 bytes, their order has no meaning (it is that of their SHA-256). A prefix has 1,024 bytes at
//!   most.
//! - *Dates* are strings, with or without quotes: months `2020-06`, days `2020-06-01`, and RFC 3339 date-times such as
//!   `2020-06-01T12:00:00+02:00`; without an offset they are in UTC. In a document, a date is the instant at which it
//!   begins: a plain date is midnight. In a filter, a date is all of its month or day. An instant is equal to it if it
//!   lies within, less if it lies before, and greater if it lies after. A string that is not a date is neither equal to
//!   a date nor before or after it. `2020` is a number, and `"2020"` a string.
//! - A *string* in a filter that is not a date compares with all strings, including dates, by their bytes; so does a
//!   prefix.

#[cfg(test)]
mod agreement;
mod bad_filter;
mod caret;
mod date;
mod display;
mod matches;
mod number;
mod parse;
mod plan;
mod scan;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Number;

pub use bad_filter::BadFilter;
pub use caret::caret;
pub use plan::{Plan, TermRange};
pub use terms::{field_of, start_of_field, terms, terms_of_row, value_of};

use date::Span;
use terms::ValueKind;

/// A condition on a document's metadata. [`str::parse`] parses it; `Display` writes its canonical spelling.
///
/// ```
/// use semsearch_filter::Filter;
///
/// let filter: Filter = "year in 1990..2000 and not lang = de".parse()?;
/// assert_eq!(filter.to_string(), "year in 1990..2000 and lang != \"de\"");
/// # Ok::<(), semsearch_filter::BadFilter>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// A value of a field passes a test.
    Field {
        /// The keys that lead to the field, joined by dots.
        path: String,
        /// The test that one of its values must pass.
        test: Test,
    },
    /// All of these hold. A parsed filter has at least two of them.
    And(Vec<Filter>),
    /// Any of these holds. A parsed filter has at least two of them.
    Or(Vec<Filter>),
    /// This condition does not hold.
    Not(Box<Filter>),
}

impl Filter {
    /// The fields that the filter tests, each of them once, in order of their names.
    pub fn fields(&self) -> BTreeSet<&str> {
        match self {
            Self::Field { path, .. } => BTreeSet::from([path.as_str()]),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Not(inner) => inner.fields(),
        }
    }
}

/// A test of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The value is not null.
    Exists,
    /// The value equals one of these.
    OneOf(Vec<Literal>),
    /// The value has this order to the literal.
    Compare(Order, Literal),
    /// The value is not less than the first literal and not greater than the second. This never holds if the two are of
    /// different kinds.
    Between(Literal, Literal),
    /// The value is a string that starts with this. Only the first 1,024 bytes of this count.
    Prefix(String),
}

/// How a value is ordered relative to a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// A value in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An i64, a u64 or a finite f64.
    Number(Number),
    /// A string, which may be a date.
    Text(String),
}

impl Literal {
    /// The kind of values with which it compares.
    fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::Number(_) => ValueKind::Number,
            Self::Text(text) if Span::parse(text).is_some() => ValueKind::Date,
            Self::Text(_) => ValueKind::Text,
        }
    }
}
