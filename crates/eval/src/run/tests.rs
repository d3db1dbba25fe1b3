//! How runs are read, and how they rank.

use proptest::prelude::*;

use super::*;

fn read(input: &str) -> Result<Run, String> {
    Run::read(input.as_bytes(), &"in".into()).map_err(|error| error.to_string())
}

fn documents<'a>(run: &'a Run, query: &str) -> Vec<&'a str> {
    run.ranking(query).unwrap().into_iter().map(|(document, _)| document).collect()
}

#[test]
fn scores_rank_and_the_column_of_ranks_does_not() {
    let run = read("q Q0 a 1 0.5 me\nq Q0 b 2 1e3 me\nq Q0 c 3 -inf me\n").unwrap();
    assert_eq!(run.ranking("q").unwrap(), [("b", 1000.0), ("a", 0.5), ("c", f32::NEG_INFINITY)]);
    assert!(run.ranking("p").is_none());
}

#[test]
fn equal_scores_rank_by_id_downwards_in_byte_order() {
    let run = read("q Q0 a 1 0 me\nq Q0 é 2 -0.0 me\nq Q0 B 3 0 me\nq Q0 b 4 1e-50 me\n").unwrap();
    assert_eq!(documents(&run, "q"), ["é", "b", "a", "B"]);
}

#[test]
fn scores_that_32_bits_cannot_tell_apart_are_equal() {
    let run = read("q Q0 a 1 0.70000001 me\nq Q0 b 2 0.70000000 me\n").unwrap();
    assert_eq!(documents(&run, "q"), ["b", "a"]);
}

#[test]
fn encoded_white_space_in_ids_is_decoded() {
    let run = read("q%201 Q0 a%C2%A0%25b 1 1 my%20run\n").unwrap();
    assert_eq!(documents(&run, "q 1"), ["a\u{a0}%25b"]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let message = |input| read(input).unwrap_err();
    assert_eq!(message("q Q0 a 1 1 me\nq Q0 b 2 NaN me\n"), "in:2: the score \"NaN\" is not a number");
    assert_eq!(message("q Q0 a 1 0,5 me\n"), "in:1: the score \"0,5\" is not a number");
    assert_eq!(
        message("q 0 a 1\n"),
        "in:1: the number of columns is 4, expected 6 (query Q0 document rank score name)"
    );
    assert_eq!(
        message("q Q0 a 1 1 me\np Q0 a 1 1 me\nq Q0 a 2 0 me\n"),
        "in:3: document \"a\" is already listed for this query at in:1"
    );
    assert_eq!(message(""), "in: no records in it");
}

#[test]
fn hits_make_a_run_in_which_a_document_has_its_best_score() {
    let mut run = Run::new();
    run.insert("q", [("a".into(), 0.1), ("b".into(), 0.2), ("a".into(), 0.3)]).unwrap();
    run.insert("in vain", []).unwrap();
    assert_eq!(run.ranking("q").unwrap(), [("a", 0.3), ("b", 0.2)]);
    assert_eq!(run.ranking("in vain").unwrap(), []);
    assert_eq!(run.queries().collect::<Vec<_>>(), ["q", "in vain"]);
    let message = run.insert("q", [("c".into(), f32::NAN)]).unwrap_err().to_string();
    assert_eq!(message, "query \"q\": the score of document \"c\" is not a number");
}

fn score() -> impl Strategy<Value = f32> {
    prop::num::f32::ANY.prop_filter("a score is a number", |score| !score.is_nan())
}

proptest! {
    #[test]
    fn a_run_that_was_written_ranks_as_the_one_in_memory(
        scores in prop::collection::btree_map("[a-f]{1,2}", score(), 1..20)
    ) {
        let mut run = Run::new();
        run.insert("q", scores.clone()).unwrap();
        let line = |(document, score): (&String, &f32)| format!("q Q0 {document} 0 {score} me\n");
        let file: String = scores.iter().map(line).collect();
        let written = read(&file).unwrap();
        prop_assert_eq!(written.ranking("q"), run.ranking("q"));
    }
}
