//! A filter as a condition of SQL, over the terms of each passage.

use std::ops::Bound;

use semsearch_filter::{Filter, Plan, TermRange};

use super::literal::bytes;

/// The condition that a passage passes `filter`.
pub(crate) fn condition(filter: &Filter) -> String {
    of_plan(&filter.plan())
}

fn of_plan(plan: &Plan) -> String {
    let joined = |parts: &[Plan], word: &str| {
        let parts: Vec<String> = parts.iter().map(of_plan).collect();
        format!("({})", parts.join(word))
    };
    match plan {
        Plan::All => "true".into(),
        Plan::None => "false".into(),
        Plan::Terms(range) => of_range(range),
        Plan::And(parts) => joined(parts, " AND "),
        Plan::Or(parts) => joined(parts, " OR "),
        Plan::Not(inner) => format!("(NOT {})", of_plan(inner)),
    }
}

/// A single term is found by the index of terms; a range is compared with all terms of a passage.
fn of_range((low, high): &TermRange) -> String {
    if let (Bound::Included(low), Bound::Included(high)) = (low, high)
        && low == high
    {
        return format!("(facts @> ARRAY[{}])", bytes(low));
    }
    let bound = |bound: &Bound<Vec<u8>>, included: &str, excluded: &str| match bound {
        Bound::Included(term) => format!("fact {included} {}", bytes(term)),
        Bound::Excluded(term) => format!("fact {excluded} {}", bytes(term)),
        Bound::Unbounded => "true".into(),
    };
    let (low, high) = (bound(low, ">=", ">"), bound(high, "<=", "<"));
    format!("EXISTS (SELECT FROM unnest(facts) fact WHERE {low} AND {high})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(filter: &str) -> String {
        condition(&filter.parse().unwrap())
    }

    #[test]
    fn a_value_is_looked_up_and_a_range_is_compared() {
        let equal = sql("lang = de");
        assert_eq!(equal, format!("(facts @> ARRAY[{}])", bytes(b"\0\x04lang\x05de")));
        assert!(sql("year >= 2000").starts_with("EXISTS (SELECT FROM unnest(facts) fact WHERE fact >= decode('"));
        assert!(sql("not (a = 1 or b = 2)").starts_with("(NOT ((facts @> "));
    }

    #[test]
    fn nothing_that_a_filter_says_is_sql() {
        for hostile in ["a = \"x') OR true --\"", "\"f') OR true; DROP TABLE x --\" = 1", "a ^= \"'\\\\\""] {
            let sql = sql(hostile);
            let outside: String =
                sql.split("decode('").map(|part| part.split_once("', 'hex')").map_or(part, |(_, rest)| rest)).collect();
            assert!(!outside.contains("DROP") && !outside.contains('\'') && !outside.contains("--"), "{sql}");
        }
    }
}
