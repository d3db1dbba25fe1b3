//! The canonical spelling of a filter. Parsing it gives the same filter again.

use std::fmt::{self, Display, Formatter, Write};

use super::scan::is_bare_path;
use super::{Filter, Literal, Order, Test};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { path, test } => write_condition(f, path, test),
            Self::And(parts) => write_joined(f, parts, " and "),
            Self::Or(parts) => write_joined(f, parts, " or "),
            Self::Not(inner) => match &**inner {
                Self::Field { path, test: Test::OneOf(literals) } => write_one_of(f, path, literals, ["!=", "not in"]),
                inner => write!(f, "not {}", Part(inner)),
            },
        }
    }
}

/// A filter inside another one.
struct Part<'a>(&'a Filter);

impl Display for Part<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            filter @ (Filter::And(_) | Filter::Or(_)) => write!(f, "({filter})"),
            filter => write!(f, "{filter}"),
        }
    }
}

fn write_joined(f: &mut Formatter<'_>, parts: &[Filter], joint: &str) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            f.write_str(joint)?;
        }
        write!(f, "{}", Part(part))?;
    }
    Ok(())
}

fn write_condition(f: &mut Formatter<'_>, path: &str, test: &Test) -> fmt::Result {
    let field = ShownPath(path);
    match test {
        Test::Exists => write!(f, "exists({field})"),
        Test::OneOf(literals) => write_one_of(f, path, literals, ["=", "in"]),
        Test::Compare(order, literal) => write!(f, "{field} {order} {literal}"),
        Test::Between(low, high) => write!(f, "{field} in {low}..{high}"),
        Test::Prefix(prefix) => write!(f, "{field} ^= {}", Quoted(prefix)),
    }
}

/// Writes that a field equals one of these literals. There is one operator for a single literal, and another one for
/// several or none.
fn write_one_of(f: &mut Formatter<'_>, path: &str, literals: &[Literal], [one, more]: [&str; 2]) -> fmt::Result {
    let field = ShownPath(path);
    match literals {
        [literal] => write!(f, "{field} {one} {literal}"),
        literals => {
            let listed: Vec<String> = literals.iter().map(Literal::to_string).collect();
            write!(f, "{field} {more} [{}]", listed.join(", "))
        }
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        })
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(bool) => bool.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => Quoted(text).fmt(f),
        }
    }
}

struct ShownPath<'a>(&'a str);

impl Display for ShownPath<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_bare_path(self.0) { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '"' | '\\' => write!(f, "\\{char}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                // All of them are below U+00A0.
                char if char.is_control() => write!(f, "\\u{:04x}", u32::from(char))?,
                char => f.write_char(char)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_spelling_is_plain() {
        for (text, canonical) in [
            ("a==1&&!(b<>'x'||c:*)", "a = 1 and not (b != \"x\" or exists(c))"),
            ("NOT a IN (1, 2) or a not in [x]", "a not in [1, 2] or a != \"x\""),
            ("a between 1 and 2.0", "a in 1..2.0"),
            ("a:>=-1 and b starts with x", "a >= -1 and b ^= \"x\""),
            ("a is null and b IS NOT NULL", "not exists(a) and exists(b)"),
            ("`first name`.x: \"\\u001b\\\"\"", "\"first name.x\" = \"\\u001b\\\"\""),
            ("((a in [])) and (b = null and c = TRUE)", "a in [] and (b = null and c = true)"),
            ("\"and\" = 1", "\"and\" = 1"),
        ] {
            assert_eq!(text.parse::<Filter>().unwrap().to_string(), canonical);
        }
    }
}
