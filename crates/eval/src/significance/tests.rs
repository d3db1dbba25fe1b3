//! Tests how two runs are compared.

use proptest::prelude::*;

use super::*;

fn evaluation(values: &[(&str, f64)]) -> Evaluation {
    let queries = values.iter().map(|&(query, value)| (query.to_owned(), vec![0.5, value])).collect();
    let metrics = ["mrr", "map"].map(|word| word.parse().unwrap()).to_vec();
    Evaluation { metrics, queries, missing: 0, unjudged: 0 }
}

fn compared(first: &[(&str, f64)], second: &[(&str, f64)]) -> Option<Comparison> {
    compare(&evaluation(first), &evaluation(second), "map".parse().unwrap())
}

#[test]
fn only_common_queries_count_whatever_their_order() {
    let first = [("a", 0.5), ("b", 0.25), ("only first", 1.0), ("c", 0.5), ("d", 1.0)];
    let second = [("d", 1.0), ("c", 0.25), ("only second", 0.0), ("a", 1.0), ("b", 0.5)];
    let comparison = compared(&first, &second).unwrap();
    assert_eq!((comparison.queries, comparison.mean_difference), (4, 0.125));
    assert_eq!((comparison.better, comparison.worse, comparison.equal), (2, 1, 1));
}

#[test]
fn nothing_in_common_is_no_comparison() {
    assert_eq!(compared(&[("a", 1.0)], &[("b", 1.0)]), None);
    assert_eq!(compare(&evaluation(&[("a", 1.0)]), &evaluation(&[("a", 1.0)]), "ndcg".parse().unwrap()), None);
}

#[test]
fn a_single_query_has_no_p_value() {
    assert_eq!(compared(&[("a", 0.0)], &[("a", 1.0)]).unwrap().p_value, None);
}

#[test]
fn without_variance_the_p_value_is_one_for_equal_runs_and_zero_for_others() {
    let (low, high) = ([("a", 0.25), ("b", 0.5)], [("a", 0.5), ("b", 0.75)]);
    assert_eq!(compared(&low, &low).unwrap().p_value, Some(1.0));
    assert_eq!(compared(&low, &high).unwrap().p_value, Some(0.0));
}

/// P(|T| ≥ t) by the finite series for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
fn series(t: f64, freedom: u32) -> f64 {
    let angle = (t / f64::from(freedom).sqrt()).atan();
    let odd = freedom % 2 == 1;
    // The first term. From factor `k` on, each next term is the last one times cos² · k / (k + 1).
    let (mut term, mut k) = if odd { (angle.cos(), 2) } else { (1.0, 1) };
    let (mut sum, mut terms) = (0.0, freedom / 2);
    while terms > 0 {
        sum += term;
        term *= angle.cos().powi(2) * f64::from(k) / f64::from(k + 1);
        (k, terms) = (k + 2, terms - 1);
    }
    let inside = angle.sin() * sum;
    1.0 - if odd { (angle + inside) * std::f64::consts::FRAC_2_PI } else { inside }
}

proptest! {
    #[test]
    fn the_tails_are_those_of_the_series(t in 0.0..8.0_f64, freedom in 1..400_u32) {
        let tails = student_tails(t * t, f64::from(freedom)).unwrap();
        prop_assert!((tails - series(t, freedom)).abs() < 1e-10, "{} {}", tails, series(t, freedom));
    }

    #[test]
    fn the_tails_are_those_of_the_series_for_very_many_queries(t in 0.0..8.0_f64, freedom in 100_000..200_000_u32) {
        let tails = student_tails(t * t, f64::from(freedom)).unwrap();
        // Sums of so many terms differ in their ninth digit; four are shown.
        prop_assert!((tails - series(t, freedom)).abs() < 1e-7, "{} {}", tails, series(t, freedom));
    }

    #[test]
    fn exchanging_the_runs_changes_the_sign_and_nothing_else(
        pairs in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 2..20)
    ) {
        let ids: Vec<String> = (0..pairs.len()).map(|number| number.to_string()).collect();
        let column = |of: fn(&(f64, f64)) -> f64| {
            evaluation(&ids.iter().zip(&pairs).map(|(id, pair)| (id.as_str(), of(pair))).collect::<Vec<_>>())
        };
        let (one, other, metric) = (column(|pair| pair.0), column(|pair| pair.1), "map".parse().unwrap());
        let (there, back) = (compare(&one, &other, metric).unwrap(), compare(&other, &one, metric).unwrap());
        prop_assert_eq!(there.mean_difference, -back.mean_difference);
        prop_assert_eq!(there.p_value, back.p_value);
        prop_assert_eq!((there.better, there.worse, there.equal), (back.worse, back.better, back.equal));
    }
}
