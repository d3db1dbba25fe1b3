//! An axis: the range of its values, the places of its ticks, and their labels.

use std::ops::Range;

/// About how many ticks an axis has: enough to read values, and few enough to have room for their labels.
const TICKS: f64 = 5.0;

/// Values whose relative difference is smaller than this look equal.
const FLAT: f64 = 1e-6;

/// Values beyond this, positive or negative, cannot be shown: their differences might not be finite.
pub(super) const LARGEST: f64 = 1e100;

/// Values below this count as 0, because fractions of them might be 0.
const SMALLEST: f64 = 1e-100;

/// An axis from its first tick to its last one. The ticks are at the multiples of a round step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    step: f64,
    /// The first and the last tick, as multiples of the step.
    first: i64,
    last: i64,
}

impl Axis {
    /// An axis that contains all of `values`; none may be beyond [`LARGEST`]. Without values it goes from 0 to 1.
    pub(super) fn covering(values: impl IntoIterator<Item = f64>) -> Self {
        let extent = |all: Option<(f64, f64)>, value: f64| match all {
            Some((least, greatest)) => Some((least.min(value), greatest.max(value))),
            None => Some((value, value)),
        };
        let (least, greatest) = widened(values.into_iter().fold(None, extent).unwrap_or((0.0, 1.0)));
        let step = round_step((greatest - least) / TICKS);
        // Slightly inwards: 0.3 / 0.1 is a little less than 3, which must not add a tick at 0.2.
        let first = (least / step + FLAT).floor() as i64;
        let last = (greatest / step - FLAT).ceil() as i64;
        Self { step, first, last }
    }

    /// The values of the ticks, in order.
    pub(super) fn ticks(self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(move |index| index as f64 * self.step)
    }

    /// The label of a tick. It has as many decimals as the step, so all labels have the same number.
    pub(super) fn label(self, tick: f64) -> String {
        let decimals = (-self.step.log10() - FLAT).ceil().max(0.0) as usize;
        format!("{tick:.decimals$}")
    }

    /// The place of `value` on an axis from `pixels.start` to `pixels.end`. The end may be smaller than the start.
    pub(super) fn position(self, value: f64, pixels: &Range<f64>) -> f64 {
        let part = (value / self.step - self.first as f64) / (self.last - self.first) as f64;
        pixels.start + part * (pixels.end - pixels.start)
    }
}

/// The range, made wide enough to have ticks.
fn widened((least, greatest): (f64, f64)) -> (f64, f64) {
    let largest = least.abs().max(greatest.abs());
    if greatest - least > FLAT * largest.max(SMALLEST) {
        return (least, greatest);
    }
    let margin = if largest > SMALLEST { largest / 10.0 } else { 1.0 };
    (least - margin, greatest + margin)
}

/// The smallest number that is at least `step` and is 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph
/// labels", Graphics Gems 1990).
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| round * power >= step * (1.0 - FLAT));
    round.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        let axis = Axis::covering(values.iter().copied());
        axis.ticks().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        assert_eq!(labels(&[0.0, 1.0]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&[0.3, 0.1, 0.7]), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(&[0.6251, 0.7938]), ["0.60", "0.65", "0.70", "0.75", "0.80"]);
        assert_eq!(labels(&[-30.0, 120.0]), ["-50", "0", "50", "100", "150"]);
    }

    #[test]
    fn no_values_and_equal_ones_have_an_axis_too() {
        assert_eq!(labels(&[]), labels(&[0.0, 1.0]));
        assert_eq!(labels(&[0.5, 0.5]), ["0.44", "0.46", "0.48", "0.50", "0.52", "0.54", "0.56"]);
        assert_eq!(labels(&[0.0]), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
    }

    proptest! {
        #[test]
        fn every_value_is_on_the_axis_and_ticks_are_few(
            parts in prop::collection::vec(-1.0..1.0_f64, 1..5),
            scale in -324..100_i32,
        ) {
            let values: Vec<f64> = parts.into_iter().map(|part| part * 10_f64.powi(scale)).collect();
            let axis = Axis::covering(values.iter().copied());
            for value in values {
                let position = axis.position(value, &(100.0..0.0));
                prop_assert!((-0.01..=100.01).contains(&position), "{} at {}", value, position);
            }
            prop_assert!((3..=9).contains(&axis.ticks().count()));
            prop_assert!(axis.ticks().all(|tick| !axis.label(tick).is_empty()));
        }
    }
}
