//! The columns of a table: their names, and the type of each.
//!
//! A column has one type. It is a column of numbers if every cell that is not empty is written as a number, and a column of
//! booleans if every such cell is `true` or `false`. In any other column, cells stay as they are written: a code such as
//! `007` keeps its zeros.

use indexmap::IndexMap;
use serde_json::{Number, Value};

/// The columns of a table, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(IndexMap<String, CellType>);

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CellType {
    /// Nothing is known: all cells so far are empty.
    #[default]
    Unknown,
    Number,
    Boolean,
    Text,
}

/// The digits of a decimal that a float of 64 bits surely keeps.
const EXACT_DIGITS: usize = 15;

impl Columns {
    /// Columns of which only the names are known yet, all different.
    pub(crate) fn named(names: Vec<String>) -> Self {
        Self(names.into_iter().map(|name| (name, CellType::default())).collect())
    }

    /// The names, in the order of the table.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is a column of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Learns from the cells of one more row.
    pub(crate) fn learn<'a>(&mut self, cells: impl IntoIterator<Item = &'a [u8]>) {
        for (known, cell) in self.0.values_mut().zip(cells) {
            if cell.is_empty() || *known == CellType::Text {
                continue;
            }
            let found = match std::str::from_utf8(cell) {
                Ok("true" | "false") => CellType::Boolean,
                Ok(text) if number(text).is_some() => CellType::Number,
                _ => CellType::Text,
            };
            *known = if *known == CellType::Unknown || *known == found { found } else { CellType::Text };
        }
    }

    /// The value of a cell in the column `name`.
    pub(crate) fn value(&self, name: &str, cell: &str) -> Value {
        let value = match self.0.get(name) {
            Some(CellType::Number) => number(cell).map(Value::Number),
            Some(CellType::Boolean) => cell.parse().ok().map(Value::Bool),
            _ => None,
        };
        value.unwrap_or_else(|| cell.into())
    }
}

/// The number that a cell is written as: digits without needless zeros before them, with or without decimals. A number that
/// would lose digits is none.
fn number(cell: &str) -> Option<Number> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let (whole, decimals) = digits.split_once('.').map_or((digits, None), |(whole, decimals)| (whole, Some(decimals)));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    if !are_digits(whole) || is_padded || decimals.is_some_and(|decimals| !are_digits(decimals)) || cell == "-0" {
        return None;
    }
    match decimals {
        None => cell.parse::<u64>().map(Number::from).or_else(|_| cell.parse::<i64>().map(Number::from)).ok(),
        Some(decimals) if whole.len() + decimals.trim_end_matches('0').len() <= EXACT_DIGITS => {
            Number::from_f64(cell.parse().ok()?)
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The values of a column with these cells.
    fn values(cells: &[&str]) -> Vec<Value> {
        let mut columns = Columns::named(vec!["other".into(), "c".into()]);
        cells.iter().for_each(|cell| columns.learn([&b"x"[..], cell.as_bytes()]));
        cells.iter().map(|cell| columns.value("c", cell)).collect()
    }

    #[test]
    fn a_column_of_numbers_has_only_numbers() {
        assert_eq!(values(&["12.50", "8", "", "100.00"])[..2], [json!(12.5), json!(8)]);
        assert_eq!(values(&["100.00", "-3"]), [json!(100.0), json!(-3)]);
        assert_eq!(values(&["18446744073709551615"]), [json!(u64::MAX)]);
        for text in [["1", "x"], ["1", "007"], ["1", "true"], ["1", "+1"], ["1", "1e5"], ["1", ".5"], ["1", " 2"]] {
            assert_eq!(values(&text), text);
        }
        for alone in ["007", "-0", "1.", "123456789012345678901", "1.2345678901234567", "NaN", "null"] {
            assert_eq!(values(&[alone]), [alone]);
        }
    }

    #[test]
    fn a_column_of_booleans_has_only_those() {
        assert_eq!(values(&["true", "", "false"])[..1], [json!(true)]);
        assert_eq!(values(&["true", "True"]), ["true", "True"]);
    }
}
