//! Whether one run is better than another, or only luckier: the paired t-test over their common queries.

use std::collections::HashMap;

use statrs::function::beta::checked_beta_reg;

use super::{Evaluation, Metric};

/// How a second evaluation differs from a first, by one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The queries that both have; no others count here.
    pub queries: usize,
    /// The mean of the differences, second minus first.
    pub mean_difference: f64,
    /// How probable a mean so far from 0, to either side, would be if the runs were equally good: Student's paired
    /// t-test. `None` for a single query, which says nothing of chance. If all differences are the same, 1 where they
    /// are 0, else 0.
    pub p_value: Option<f64>,
    /// Queries for which the second is better.
    pub better: usize,
    /// Queries for which the second is worse.
    pub worse: usize,
    /// Queries for which both have the same value.
    pub equal: usize,
}

/// Compares `second` with `first` by `metric`. `None` if one of them lacks the metric, or they have no query in common.
pub fn compare(first: &Evaluation, second: &Evaluation, metric: Metric) -> Option<Comparison> {
    let base: HashMap<&str, f64> = first.values(metric)?.collect();
    let paired = second.values(metric)?.filter_map(|(query, value)| Some(value - base.get(query)?));
    let differences: Vec<f64> = paired.collect();
    if differences.is_empty() {
        return None;
    }
    let count = |wanted: fn(f64) -> bool| differences.iter().filter(|&&difference| wanted(difference)).count();
    Some(Comparison {
        queries: differences.len(),
        mean_difference: mean(&differences),
        p_value: p_value(&differences),
        better: count(|difference| difference > 0.0),
        worse: count(|difference| difference < 0.0),
        equal: count(|difference| difference == 0.0),
    })
}

fn mean(values: &[f64]) -> f64 {
    // A fold, since the sum of no numbers is -0.
    values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64
}

/// The two-sided p-value of t = mean / √(variance / n), with n − 1 degrees of freedom.
fn p_value(differences: &[f64]) -> Option<f64> {
    let [first, _, ..] = *differences else { return None };
    if differences.iter().all(|&difference| difference == first) {
        return Some(if first == 0.0 { 1.0 } else { 0.0 });
    }
    let (mean, count) = (mean(differences), differences.len() as f64);
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    // The variance is squares / (n − 1).
    student_tails(mean * mean * count * (count - 1.0) / squares, count - 1.0)
}

/// P(|T| ≥ t) of Student's distribution: I_x(ν/2, 1/2) at x = ν / (ν + t²) (Abramowitz and Stegun 1964, 26.7.1 and
/// 26.5.27).
fn student_tails(t_squared: f64, freedom: f64) -> Option<f64> {
    checked_beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t_squared)).ok()
}

#[cfg(test)]
mod tests {
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
        // The first term, and from which factor on each next one is the last one by cos² · k / (k + 1).
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
}
