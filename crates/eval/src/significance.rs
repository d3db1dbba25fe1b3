//! Whether one run is better than another by more than chance: the paired t-test over their common queries.

use std::collections::HashMap;

use statrs::function::beta::checked_beta_reg;

use super::{Evaluation, RankingMetric};

/// How a second evaluation differs from a first one, by one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The number of queries that both have. No other query counts here.
    pub queries: usize,
    /// The mean of the differences, second minus first.
    pub mean_difference: f64,
    /// The probability of a mean at least this far from 0, in either direction, if the runs were equally good:
    /// Student's paired t-test. `None` for a single query, which says nothing about chance. If all differences are
    /// equal, it is 1 if they are 0, and otherwise 0.
    pub p_value: Option<f64>,
    /// The number of queries for which the second is better.
    pub better: usize,
    /// The number of queries for which the second is worse.
    pub worse: usize,
    /// The number of queries for which both have the same value.
    pub equal: usize,
}

/// Compares `second` with `first` by `metric`. `None` if one of them does not have the metric, or if they have no
/// common query.
pub fn compare(first: &Evaluation, second: &Evaluation, metric: RankingMetric) -> Option<Comparison> {
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
    // Not `sum`: the sum of no numbers is -0.
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
mod tests;
