//! The measures against values worked out by hand, and against slow formulas from books.

use proptest::prelude::*;

use super::*;

const ALL: [Measure; 6] = [
    Measure::Ndcg,
    Measure::ReciprocalRank,
    Measure::Recall,
    Measure::AveragePrecision,
    Measure::Precision,
    Measure::Success,
];

fn judged(ranking: &[&str], grades: &[(&str, i64)]) -> Judged {
    let grades = grades.iter().map(|&(document, grade)| (document.to_owned(), grade)).collect();
    Judged::new(ranking.iter().copied(), &grades)
}

#[test]
fn a_ranking_worked_out_by_hand() {
    let judged = judged(&["x", "b", "a", "bad"], &[("a", 2), ("b", 1), ("c", 1), ("bad", -1), ("none", 0)]);
    let at = |measure, cut| judged.value(measure, NonZeroUsize::new(cut));
    let ideal = 2.0 + 1.0 / 3_f64.log2() + 0.5;
    assert_eq!(at(Measure::Ndcg, 3), (1.0 / 3_f64.log2() + 2.0 / 2.0) / ideal);
    assert_eq!(at(Measure::ReciprocalRank, 1), 0.0);
    assert_eq!(at(Measure::ReciprocalRank, 2), 0.5);
    assert_eq!(at(Measure::Recall, 3), 2.0 / 3.0);
    assert_eq!(at(Measure::AveragePrecision, 9), (1.0 / 2.0 + 2.0 / 3.0) / 3.0);
    assert_eq!(at(Measure::Precision, 10), 0.2);
    assert_eq!((at(Measure::Success, 1), at(Measure::Success, 2)), (0.0, 1.0));
}

#[test]
fn without_relevant_or_found_documents_all_is_zero() {
    let cases = [judged(&["a", "b"], &[("a", 0), ("b", -3)]), judged(&[], &[("a", 1)]), judged(&[], &[])];
    for (judged, measure) in cases.iter().flat_map(|judged| ALL.map(|measure| (judged, measure))) {
        assert_eq!(judged.value(measure, NonZeroUsize::new(5)).to_bits(), 0.0_f64.to_bits());
    }
}

/// The formulas from the books, over sets and ranks: slow but simple.
fn naive(measure: Measure, k: usize, grade_at: &[i64], all: &[i64]) -> f64 {
    let relevant = all.iter().filter(|&&grade| grade >= 1).count() as f64;
    let hits = |k: usize| (0..k).filter(|&i| i < grade_at.len() && grade_at[i] >= 1).count() as f64;
    let dcg = |grades: &[i64]| -> f64 {
        (1..=k.min(grades.len())).map(|i| grades[i - 1].max(0) as f64 / ((i + 1) as f64).log2()).sum()
    };
    let mut best = all.to_vec();
    best.sort_by_key(|&grade| -grade);
    let value = match measure {
        Measure::Ndcg => dcg(grade_at) / dcg(&best),
        Measure::ReciprocalRank => (1..=k).find(|&i| hits(i) > 0.0).map_or(0.0, |i| 1.0 / i as f64),
        Measure::Recall => hits(k) / relevant,
        Measure::AveragePrecision => {
            (1..=k).filter(|&i| hits(i) > hits(i - 1)).map(|i| hits(i) / i as f64).sum::<f64>() / relevant
        }
        Measure::Precision => hits(k) / k as f64,
        Measure::Success => hits(k).min(1.0),
    };
    if relevant == 0.0 { 0.0 } else { value }
}

proptest! {
    #[test]
    fn values_are_those_of_the_formulas(
        grades in prop::collection::vec(-2_i64..4, 0..12),
        ranking in Just((0..20).collect::<Vec<usize>>()).prop_shuffle(),
        found in 0..20_usize,
        k in 1..25_usize,
    ) {
        let id = |document: usize| format!("d{document}");
        let judgements = grades.iter().enumerate().map(|(document, &grade)| (id(document), grade)).collect();
        let ranked: Vec<String> = ranking[..found].iter().map(|&document| id(document)).collect();
        let judged = Judged::new(ranked.iter().map(String::as_str), &judgements);
        let grade_of = |&document: &usize| grades.get(document).copied().unwrap_or(0);
        let grade_at: Vec<i64> = ranking[..found].iter().map(grade_of).collect();
        for measure in ALL {
            let value = judged.value(measure, NonZeroUsize::new(k));
            prop_assert!((value - naive(measure, k, &grade_at, &grades)).abs() < 1e-12, "{:?}", measure);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&value));
        }
    }

    #[test]
    fn a_perfect_ranking_has_the_value_one(grades in prop::collection::vec(1_i64..5, 1..12)) {
        let id = |document: usize| format!("d{document}");
        let mut best: Vec<usize> = (0..grades.len()).collect();
        best.sort_by_key(|&document| -grades[document]);
        let ranked: Vec<String> = best.into_iter().map(id).collect();
        let judgements = grades.iter().enumerate().map(|(document, &grade)| (id(document), grade)).collect();
        let judged = Judged::new(ranked.iter().map(String::as_str), &judgements);
        for measure in [Measure::Ndcg, Measure::ReciprocalRank, Measure::AveragePrecision] {
            prop_assert_eq!(judged.value(measure, None), 1.0);
        }
    }
}
