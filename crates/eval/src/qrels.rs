//! Relevance judgements: which document answers which query, and how well.

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;

use super::ids::decoded;
use super::table::{self, PairLine, PairTable, columns};
use super::{BadLine, EvalError};

/// Graded judgements: a grade for each pair of query and document. A grade above 0 means relevant.
#[derive(Clone, Debug)]
pub struct Qrels {
    grades: PairTable<i64>,
}

impl Qrels {
    /// Reads judgements in one of two forms. The first line shows which form it is:
    /// - BEIR's form has three columns between tabs: query, document, grade, with or without a header. Ids may contain
    ///   spaces.
    /// - TREC's form has four columns between white space: query, a word that is ignored, document, grade. White space
    ///   in ids is percent-encoded, as in runs.
    ///
    /// # Errors
    /// A line cannot be read, a pair is judged twice, or there are no judgements.
    pub fn read(input: impl BufRead, name: &Arc<str>) -> Result<Self, EvalError> {
        let mut form = None;
        let grades = table::read(input, name, |line| {
            let first = form.is_none();
            let form = *form.get_or_insert_with(|| Form::of(line));
            if first && form.is_header(line) { Ok(None) } else { form.row(line).map(Some) }
        })?;
        Ok(Self { grades })
    }

    /// Judgements: queries in the order in which they are evaluated, each with its documents and their grades.
    pub fn of(grades: impl IntoIterator<Item = (String, HashMap<String, i64>)>) -> Self {
        Self { grades: grades.into_iter().collect() }
    }

    /// The ids of the judged queries, in the order of the file.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.grades.keys().map(String::as_str)
    }

    /// The queries, each with the judged documents and their grades.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &HashMap<String, i64>)> {
        self.grades.iter().map(|(query, grades)| (query.as_str(), grades))
    }

    /// The judged documents of a query, and their grades; `None` if the query has no judgement.
    pub fn grades(&self, query: &str) -> Option<&HashMap<String, i64>> {
        self.grades.get(query)
    }
}

/// The two forms of judgements.
#[derive(Clone, Copy)]
enum Form {
    Beir,
    Trec,
}

impl Form {
    /// The form of a file with this first line.
    fn of(line: &str) -> Self {
        if line.split('\t').count() == 3 { Self::Beir } else { Self::Trec }
    }

    fn is_header(self, line: &str) -> bool {
        let last = line.rsplit('\t').next().unwrap_or(line);
        matches!(self, Self::Beir) && last.trim().eq_ignore_ascii_case("score")
    }

    fn row(self, line: &str) -> Result<PairLine<'_, i64>, BadLine> {
        match self {
            Self::Beir => {
                let expected = "3 with tabs between them (query-id corpus-id score)";
                let [query, document, grade] = columns(line.split('\t'), expected)?;
                let (query, document) = (own_id("query-id", query)?, own_id("corpus-id", document)?);
                Ok(PairLine { query: query.into(), document: document.into(), value: parse_grade(grade)? })
            }
            Self::Trec => {
                let expected = "4 (query 0 document grade), or 3 with tabs between them (query-id corpus-id score)";
                let [query, _, document, grade] = columns(line.split_ascii_whitespace(), expected)?;
                Ok(PairLine { query: decoded(query), document: decoded(document), value: parse_grade(grade)? })
            }
        }
    }
}

fn own_id<'a>(field: &'static str, id: &'a str) -> Result<&'a str, BadLine> {
    if id.is_empty() { Err(BadLine::EmptyId { field }) } else { Ok(id) }
}

fn parse_grade(word: &str) -> Result<i64, BadLine> {
    let word = word.trim();
    word.parse().map_err(|_| BadLine::Grade { word: word.into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &str) -> Result<Qrels, String> {
        Qrels::read(input.as_bytes(), &"in".into()).map_err(|error| error.to_string())
    }

    fn rows(qrels: &Qrels) -> Vec<(&str, &str, i64)> {
        let of_query = |query| qrels.grades(query).unwrap().iter().map(move |(d, &g)| (query, d.as_str(), g));
        let mut rows: Vec<_> = qrels.queries().flat_map(of_query).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn beir_has_a_header_and_ids_with_spaces() {
        let qrels = read("query-id\tcorpus-id\tscore\nq 1\td 1\t2\nq 1\t score\t-1\n").unwrap();
        assert_eq!(rows(&qrels), [("q 1", " score", -1), ("q 1", "d 1", 2)]);
        assert_eq!(rows(&read("q\td\t1\r\n").unwrap()), [("q", "d", 1)]);
    }

    #[test]
    fn trec_has_four_columns_with_any_white_space_between_and_encoded_in_ids() {
        let qrels = read("q2 0 a 1\nq1\t0\tb%20c\t-2\n  q1  Q0  d  0 \n").unwrap();
        assert_eq!(qrels.queries().collect::<Vec<_>>(), ["q2", "q1"]);
        assert_eq!(rows(&qrels), [("q1", "b c", -2), ("q1", "d", 0), ("q2", "a", 1)]);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let message = |input| read(input).unwrap_err();
        assert_eq!(message("q\td\t1\nq\te\t1.5\n"), "in:2: the grade \"1.5\" is not a whole number");
        assert_eq!(
            message("q\td\t1\nq 0 e 1\n"),
            "in:2: the number of columns is 1, expected 3 with tabs between them (query-id corpus-id score)"
        );
        assert_eq!(message("q\t\t1\n"), "in:1: field `corpus-id` is an empty id");
        assert!(
            message("\nq d 1\n")
                .starts_with("in:2: the number of columns is 3, expected 4 (query 0 document grade), or 3 with tabs")
        );
        assert_eq!(message("q 0 d 1\nq 1 d 0\n"), "in:2: document \"d\" is already listed for this query at in:1");
        assert_eq!(message("query-id\tcorpus-id\tscore\n"), "in: no records in it");
        assert_eq!(
            message("q 0 d 99999999999999999999\n"),
            "in:1: the grade \"99999999999999999999\" is not a whole number"
        );
    }

    proptest! {
        #[test]
        fn both_forms_say_the_same(
            judged in prop::collection::btree_map(("[a-c]{1,2}", "[a-c]{1,3}"), any::<i64>(), 1..20)
        ) {
            let write = |row: fn(&str, &str, i64) -> String| -> String {
                judged.iter().map(|((query, document), &grade)| row(query, document, grade)).collect()
            };
            let beir = read(&write(|query, document, grade| format!("{query}\t{document}\t{grade}\n"))).unwrap();
            let trec = read(&write(|query, document, grade| format!("{query} 0 {document} {grade}\n"))).unwrap();
            let expected = judged.iter().map(|((query, document), &grade)| (&**query, &**document, grade));
            let expected: Vec<_> = expected.collect();
            prop_assert_eq!(rows(&beir), expected);
            prop_assert_eq!(rows(&trec), rows(&beir));
        }
    }
}
