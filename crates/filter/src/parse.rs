//! Parses text to a [`Filter`], by recursive descent. The crate's documentation describes the language.
//!
//! ```text
//! any       = all { ("or" | "||") all }
//! all       = one { ("and" | "&&") one }
//! one       = ("not" | "!") one | "(" any ")" | ("exists" | "has") "(" path ")" | condition
//! condition = path ["not"] operator [operand]
//! operand   = set | single
//! set       = "[" [word { "," word }] "]" | "(" [word { "," word }] ")"
//! single    = "*" | word "*" | word ".." [word] | ".." word | word
//! ```

use std::str::FromStr;

use serde_json::Number;

use super::BadFilter;
use super::date::Span;
use super::scan::{ScannedWord, Scanner};
use super::terms::{KEPT, ValueKind};
use super::{Filter, Literal, Order, Test};

/// The most nested parentheses and negations.
const MAX_DEPTH: usize = 100;

const A_VALUE: &str = "a value";

/// The operator between a field and its operand.
#[derive(Clone, Copy)]
enum Operator {
    Equal,
    NotEqual,
    Is,
    In,
    Order(Order),
    Prefix,
    Between,
    Exists,
}

/// A symbol stands before the symbols that are its beginning.
const SYMBOLS: [(&str, Operator); 14] = [
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::Order(Order::AtMost)),
    (">=", Operator::Order(Order::AtLeast)),
    ("<", Operator::Order(Order::Less)),
    (">", Operator::Order(Order::Greater)),
    ("^=", Operator::Prefix),
    (":<=", Operator::Order(Order::AtMost)),
    (":>=", Operator::Order(Order::AtLeast)),
    (":<", Operator::Order(Order::Less)),
    (":>", Operator::Order(Order::Greater)),
    (":", Operator::Equal),
];

const WORDS: [(&[&str], Operator); 6] = [
    (&["in"], Operator::In),
    (&["is"], Operator::Is),
    (&["between"], Operator::Between),
    (&["exists"], Operator::Exists),
    (&["starts", "with"], Operator::Prefix),
    (&["startswith"], Operator::Prefix),
];

type Parsed<T> = Result<T, BadFilter>;

impl FromStr for Filter {
    type Err = BadFilter;

    /// Parses an expression.
    ///
    /// # Errors
    /// The first place at which parsing cannot continue, and what would be correct there.
    fn from_str(text: &str) -> Parsed<Self> {
        let mut parser = Parser { scanner: Scanner::new(text), depth: 0 };
        let filter = parser.any()?;
        if parser.scanner.at_end() { Ok(filter) } else { Err(parser.scanner.error("`and`, `or` or the end")) }
    }
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    /// The number of open parentheses and negations.
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Parsed<Filter> {
        let mut parts = vec![self.all()?];
        while self.scanner.eat("||") || self.scanner.eat_keywords(&["or"]) {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Filter::Or))
    }

    fn all(&mut self) -> Parsed<Filter> {
        let mut parts = vec![self.one()?];
        while self.scanner.eat("&&") || self.scanner.eat_keywords(&["and"]) {
            parts.push(self.one()?);
        }
        Ok(joined(parts, Filter::And))
    }

    fn one(&mut self) -> Parsed<Filter> {
        let at = self.scanner.next_at();
        if self.scanner.eat("!") || self.scanner.eat_keywords(&["not"]) {
            let inner = self.deeper(at, Self::one)?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.scanner.eat("(") {
            let inner = self.deeper(at, Self::any)?;
            self.close(")", "`and`, `or` or `)`")?;
            return Ok(inner);
        }
        if self.scanner.eat_call("exists", "(") || self.scanner.eat_call("has", "(") {
            self.scanner.next_at();
            let path = self.scanner.path()?;
            self.close(")", "`)`")?;
            return Ok(Filter::Field { path, test: Test::Exists });
        }
        self.condition()
    }

    /// Parses what a parenthesis or negation at byte `at` contains.
    fn deeper(&mut self, at: usize, read: fn(&mut Self) -> Parsed<Filter>) -> Parsed<Filter> {
        if self.depth == MAX_DEPTH {
            let expected = format!("at most {MAX_DEPTH} nested parentheses and negations");
            return Err(self.scanner.error_at(at, &expected));
        }
        self.depth += 1;
        let inner = read(self);
        self.depth -= 1;
        inner
    }

    fn close(&mut self, symbol: &str, expected: &str) -> Parsed<()> {
        if self.scanner.eat(symbol) { Ok(()) } else { Err(self.scanner.error(expected)) }
    }

    fn condition(&mut self) -> Parsed<Filter> {
        self.scanner.next_at();
        let path = self.scanner.path()?;
        let mut negated = self.scanner.eat_keywords(&["not"]);
        let test = match self.operator()? {
            Operator::Equal => self.operand()?,
            Operator::NotEqual => {
                negated = !negated;
                self.operand()?
            }
            Operator::Is => {
                negated ^= self.scanner.eat_keywords(&["not"]);
                let null = self.scanner.eat_keywords(&["null"]);
                negated ^= null;
                if null { Test::Exists } else { self.operand()? }
            }
            Operator::In => self.members()?,
            Operator::Order(order) => Test::Compare(order, self.ordered()?),
            Operator::Prefix => self.prefix()?,
            Operator::Between => self.between()?,
            Operator::Exists => Test::Exists,
        };
        let field = Filter::Field { path, test };
        Ok(if negated { Filter::Not(Box::new(field)) } else { field })
    }

    fn operator(&mut self) -> Parsed<Operator> {
        let symbol = SYMBOLS.iter().find(|(symbol, _)| self.scanner.eat(symbol)).map(|(_, operator)| *operator);
        let found = symbol.or_else(|| {
            WORDS.iter().find(|(words, _)| self.scanner.eat_keywords(words)).map(|(_, operator)| *operator)
        });
        found.ok_or_else(|| self.scanner.error("an operator such as `=`, `<`, `in` or `exists`"))
    }

    /// Parses what a field may equal.
    fn operand(&mut self) -> Parsed<Test> {
        match self.set()? {
            Some(set) => Ok(set),
            None => self.single(),
        }
    }

    /// Parses what a field may be in. A single value is not accepted: Python's `"x" in tags` would otherwise be parsed
    /// as `x = "tags"`.
    fn members(&mut self) -> Parsed<Test> {
        if let Some(set) = self.set()? {
            return Ok(set);
        }
        let at = self.scanner.next_at();
        match self.single()? {
            Test::OneOf(_) => Err(self.scanner.error_at(at, "a set such as `[a, b]` or a range such as `1..9`")),
            range => Ok(range),
        }
    }

    /// Parses a set, if a bracket opens one.
    fn set(&mut self) -> Parsed<Option<Test>> {
        let brackets = [("[", "]"), ("(", ")")];
        let Some((_, close)) = brackets.into_iter().find(|(open, _)| self.scanner.eat(open)) else { return Ok(None) };
        let mut literals = Vec::new();
        while !self.scanner.eat(close) {
            if !literals.is_empty() {
                self.close(",", &format!("`,` or `{close}`"))?;
            }
            let word = self.scanner.word(A_VALUE)?;
            literals.push(self.literal(&word)?);
        }
        Ok(Some(Test::OneOf(literals)))
    }

    /// Parses a value, a prefix, a range, or `*` for any value.
    fn single(&mut self) -> Parsed<Test> {
        if self.scanner.eat("*") {
            return Ok(Test::Exists);
        }
        if self.scanner.eat("..") {
            return Ok(Test::Compare(Order::AtMost, self.ordered()?));
        }
        let word = self.scanner.word(A_VALUE)?;
        if self.scanner.eat_here("*") {
            return self.prefix_of(word);
        }
        if self.scanner.eat("..") {
            let low = self.orderable(&word)?;
            let open = !self.scanner.at_word();
            return if open { Ok(Test::Compare(Order::AtLeast, low)) } else { self.up_to(low) };
        }
        Ok(Test::OneOf(vec![self.literal(&word)?]))
    }

    fn between(&mut self) -> Parsed<Test> {
        let low = self.ordered()?;
        if !self.scanner.eat_keywords(&["and"]) {
            return Err(self.scanner.error("`and` and the range's other end"));
        }
        self.up_to(low)
    }

    /// Parses the range from `low` to the value that comes next.
    fn up_to(&mut self, low: Literal) -> Parsed<Test> {
        let at = self.scanner.next_at();
        let high = self.ordered()?;
        if low.kind() != high.kind() {
            let expected = format!("{}, like the range's other end,", noun(low.kind()));
            return Err(self.scanner.error_at(at, &expected));
        }
        Ok(Test::Between(low, high))
    }

    fn prefix(&mut self) -> Parsed<Test> {
        let word = self.scanner.word("a string")?;
        self.scanner.eat_here("*");
        self.prefix_of(word)
    }

    fn prefix_of(&mut self, word: ScannedWord) -> Parsed<Test> {
        if word.text.len() > KEPT {
            let expected = format!("a prefix of at most {KEPT} bytes");
            return Err(self.scanner.error_at(word.at, &expected));
        }
        Ok(Test::Prefix(word.text))
    }

    /// Parses a value that has an order.
    fn ordered(&mut self) -> Parsed<Literal> {
        let word = self.scanner.word("a number, a date or a string")?;
        self.orderable(&word)
    }

    fn orderable(&mut self, word: &ScannedWord) -> Parsed<Literal> {
        match self.literal(word)? {
            literal @ (Literal::Number(_) | Literal::Text(_)) => Ok(literal),
            _ => Err(self.scanner.error_at(word.at, "a number, a date or a string")),
        }
    }

    fn literal(&mut self, word: &ScannedWord) -> Parsed<Literal> {
        let text = word.text.as_str();
        if word.quoted {
            return Ok(Literal::Text(text.into()));
        }
        let named = [("null", Literal::Null), ("true", Literal::Bool(true)), ("false", Literal::Bool(false))];
        if let Some((_, literal)) = named.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            return Ok(literal);
        }
        match number(text) {
            Some(Ok(number)) => Ok(Literal::Number(number)),
            Some(Err(_)) => Err(self.scanner.error_at(word.at, "a number that 64 bits can hold")),
            None if Span::looks(text) && Span::parse(text).is_none() => {
                Err(self.scanner.error_at(word.at, "a date such as 2020-06-01 (in quotes it is a string),"))
            }
            None => Ok(Literal::Text(text.into())),
        }
    }
}

/// The only part, or all parts joined.
fn joined(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

/// The number that a bare word represents, if it does. `Err` if the number is too large.
fn number(text: &str) -> Option<Result<Number, ()>> {
    // Rust's own parser would accept `inf` and `nan`.
    let numeric = |byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(numeric) {
        return None;
    }
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    match whole {
        Ok(whole) => Some(Ok(whole)),
        Err(_) => text.parse().ok().map(|float| Number::from_f64(float).ok_or(())),
    }
}

fn noun(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Number => "a number",
        ValueKind::Date => "a date",
        _ => "a string that is not a date",
    }
}
