//! A filter as a condition of SQL, over the terms of each passage.

use std::collections::HashMap;
use std::ops::Bound;

use semsearch_filter::{Filter, Plan, TermRange};

use super::literal::bytes;

/// The terms that lie in ranges of a filter. A range that has too many of them, or that was not looked up, is not in it.
pub(crate) type KnownTerms = HashMap<TermRange, Vec<Vec<u8>>>;

/// The condition that a passage passes `filter`.
pub(crate) fn condition(filter: &Filter, known: &KnownTerms) -> String {
    of_plan(&filter.plan(), known)
}

/// The ranges of a filter that are more than one term.
pub(crate) fn ranges(filter: &Filter) -> Vec<TermRange> {
    let mut found = Vec::new();
    collect(&filter.plan(), &mut found);
    found
}

fn collect(plan: &Plan, found: &mut Vec<TermRange>) {
    match plan {
        Plan::All | Plan::None => {}
        Plan::Terms(range) if single(range).is_some() || found.contains(range) => {}
        Plan::Terms(range) => found.push(range.clone()),
        Plan::And(parts) | Plan::Or(parts) => parts.iter().for_each(|part| collect(part, found)),
        Plan::Not(inner) => collect(inner, found),
    }
}

/// The only term of a range, if it has one.
fn single(range: &TermRange) -> Option<&Vec<u8>> {
    match range {
        (Bound::Included(low), Bound::Included(high)) if low == high => Some(low),
        _ => None,
    }
}

fn of_plan(plan: &Plan, known: &KnownTerms) -> String {
    let joined = |parts: &[Plan], word: &str| {
        let parts: Vec<String> = parts.iter().map(|part| of_plan(part, known)).collect();
        format!("({})", parts.join(word))
    };
    match plan {
        Plan::All => "true".into(),
        Plan::None => "false".into(),
        Plan::Terms(range) => of_range(range, known),
        Plan::And(parts) => joined(parts, " AND "),
        Plan::Or(parts) => joined(parts, " OR "),
        Plan::Not(inner) => format!("(NOT {})", of_plan(inner, known)),
    }
}

/// Terms are found by the index of terms. A range whose terms are not known is compared with all terms of a passage.
fn of_range(range: &TermRange, known: &KnownTerms) -> String {
    if let Some(term) = single(range) {
        return format!("(facts @> ARRAY[{}])", bytes(term));
    }
    if let Some(terms) = known.get(range) {
        let terms: Vec<String> = terms.iter().map(|term| bytes(term)).collect();
        return format!("(facts && ARRAY[{}]::bytea[])", terms.join(","));
    }
    format!("EXISTS (SELECT FROM unnest(facts) fact WHERE {})", within("fact", range))
}

/// The condition that a column has a term of this range.
pub(crate) fn within(column: &str, (low, high): &TermRange) -> String {
    let bound = |bound: &Bound<Vec<u8>>, included: &str, excluded: &str| match bound {
        Bound::Included(term) => format!("{column} {included} {}", bytes(term)),
        Bound::Excluded(term) => format!("{column} {excluded} {}", bytes(term)),
        Bound::Unbounded => "true".into(),
    };
    format!("{} AND {}", bound(low, ">=", ">"), bound(high, "<=", "<"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(filter: &str) -> String {
        condition(&filter.parse().unwrap(), &KnownTerms::new())
    }

    #[test]
    fn a_value_is_looked_up_and_a_range_is_compared() {
        let equal = sql("lang = de");
        assert_eq!(equal, format!("(facts @> ARRAY[{}])", bytes(b"\0\x04lang\x05de")));
        assert!(sql("year >= 2000").starts_with("EXISTS (SELECT FROM unnest(facts) fact WHERE fact >= decode('"));
        assert!(sql("not (a = 1 or b = 2)").starts_with("(NOT ((facts @> "));
    }

    #[test]
    fn a_range_whose_terms_are_known_is_looked_up_too() {
        let filter: Filter = "year >= 2000 and lang = de".parse().unwrap();
        let ranges = ranges(&filter);
        assert_eq!(ranges.len(), 1);
        let known = KnownTerms::from([(ranges[0].clone(), vec![b"ab".to_vec(), b"c".to_vec()])]);
        let sql = condition(&filter, &known);
        assert!(sql.starts_with("((facts && ARRAY[decode('6162', 'hex'),decode('63', 'hex')]::bytea[]) AND"), "{sql}");
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
