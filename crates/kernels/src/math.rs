//! Functions of one float, as polynomials over vectors.

use super::simd::Simd;

/// eˣ for x ≤ 0, within 2 units in the last place. Below −87, where the result would not be a normal float, it is e⁻⁸⁷.
///
/// e^x = 2ⁿ·e^r, where n is the nearest whole number to x/ln 2, and |r| ≤ ln 2 / 2. ln 2 is split into two parts, so
/// that r is exact (Cody and Waite 1980). e^r is its Taylor series to the seventh power, whose next term is below 2⁻²⁷.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn exp<V: Simd>(x: V) -> V {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let x = x.max(V::splat(-87.0));
        let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
        let r = n.mul_add(V::splat(-LN2_HIGH), x);
        let r = n.mul_add(V::splat(-LN2_LOW), r);
        let series = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
        polynomial(r, &series).scale(n)
    }
}

/// 2ʸ for y ≤ 0, within a relative error of 8·10⁻⁵. Below −126, where the result would not be a normal float, it is 2⁻¹²⁶.
///
/// 2ʸ = 2ⁿ·2ʳ, where n is the nearest whole number to y. 2ʳ is the polynomial of the third degree whose largest relative
/// error for |r| ≤ 1/2 is the smallest.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn exp2_short<V: Simd>(y: V) -> V {
    const SERIES: [f32; 4] = [5.517_167_3e-2, 2.426_111_3e-1, 6.932_609_7e-1, 9.999_280_6e-1];
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let y = y.max(V::splat(-126.0));
        let n = y.round();
        polynomial(y.sub(n), &SERIES).scale(n)
    }
}

/// x·Φ(x), as [`gelu`], within 10⁻⁴.
///
/// Φ(x) = 1/2 + x·p(x²) for |x| ≤ 4.2, and 0 or 1 elsewhere. p is the polynomial of the seventh degree with the smallest
/// error of x·Φ(x) among those with which Φ(4.2) = 1.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn gelu_short<V: Simd>(x: V) -> V {
    const SERIES: [f32; 8] = [
        -9.017_546_7e-10,
        7.941_349e-8,
        -3.037_934_2e-6,
        6.689_073e-5,
        -9.506_577_6e-4,
        9.298_23e-3,
        -6.552_821e-2,
        3.984_658_7e-1,
    ];
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let near = x.max(V::splat(-4.2)).min(V::splat(4.2));
        x.mul(polynomial(near.mul(near), &SERIES).mul_add(near, V::splat(0.5)))
    }
}

/// x·Φ(x) = x·(1 + erf(x/√2))/2, the activation of BERT, within 3·10⁻⁷·|x|.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn gelu<V: Simd>(x: V) -> V {
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let half = x.mul(V::splat(0.5));
        erf(x.mul(V::splat(std::f32::consts::FRAC_1_SQRT_2))).mul_add(half, half)
    }
}

/// The approximation of GELU with tanh: x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2 (Hendrycks and Gimpel 2016).
///
/// (1 + tanh(z))/2 is the logistic function of 2z.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn gelu_tanh<V: Simd>(x: V) -> V {
    /// 2·√(2/π)
    const FACTOR: f32 = 1.595_769;
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let cubic = x.mul(x).mul_add(V::splat(0.044_715 * FACTOR), V::splat(FACTOR));
        x.mul(logistic(x.mul(cubic)))
    }
}

/// x·σ(x), with the logistic function σ.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn silu<V: Simd>(x: V) -> V {
    // SAFETY: the caller guarantees the instructions.
    unsafe { x.mul(logistic(x)) }
}

/// max(x, 0) for numbers. What is not finite does not become finite.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn relu<V: Simd>(x: V) -> V {
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let half = x.mul(V::splat(0.5));
        half.add(half.max(V::splat(0.0).sub(half)))
    }
}

/// 1 / (1 + e⁻ˣ) = e^min(x, 0) / (1 + e^−|x|)
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
unsafe fn logistic<V: Simd>(x: V) -> V {
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let below = x.min(V::splat(0.0));
        let magnitude = x.min(V::splat(0.0).sub(x));
        exp(below).div(exp(magnitude).add(V::splat(1.0)))
    }
}

/// erf(x) within 2·10⁻⁷: a quotient of polynomials in x² for |x| ≤ 4. Beyond that, erf is ±1 in 32 bits.
///
/// The coefficients are those of the minimax approximation in Eigen (Eigen/src/Core/MathFunctionsImpl.h).
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
unsafe fn erf<V: Simd>(x: V) -> V {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2];
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let x = x.max(V::splat(-4.0)).min(V::splat(4.0));
        let square = x.mul(x);
        x.mul(polynomial(square, &ABOVE)).div(polynomial(square, &BELOW))
    }
}

/// Evaluates a polynomial by Horner's rule, the highest power first.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
unsafe fn polynomial<V: Simd>(x: V, coefficients: &[f32]) -> V {
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let mut value = V::splat(coefficients[0]);
        for &coefficient in &coefficients[1..] {
            value = value.mul_add(x, V::splat(coefficient));
        }
        value
    }
}

/// Whether all values are finite: x·0 is 0 for a finite x, and NaN for any other.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn are_finite<V: Simd>(values: &[f32]) -> bool {
    let whole = values.len() / (2 * V::LANES) * 2 * V::LANES;
    // SAFETY: two vectors from `at` are within `whole`; the caller guarantees the instructions.
    let sum = unsafe {
        let zero = V::splat(0.0);
        let (mut first, mut second) = (zero, zero);
        for at in (0..whole).step_by(2 * V::LANES) {
            first = V::load(values.as_ptr().add(at)).mul_add(zero, first);
            second = V::load(values.as_ptr().add(at + V::LANES)).mul_add(zero, second);
        }
        first.add(second).sum()
    };
    sum == 0.0 && values[whole..].iter().all(|value| value.is_finite())
}

/// Whether all numbers of these words of two bf16s are finite. Such a number has a bit of its exponent that is 0.
#[inline(always)]
pub(super) fn pairs_are_finite(pairs: &[u32]) -> bool {
    const FIRST: u32 = 0x7f80;
    const SECOND: u32 = FIRST << 16;
    !pairs.iter().fold(false, |found, pair| found | (pair & FIRST == FIRST) | (pair & SECOND == SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 997th float from `from` to `to`, counted by their bits.
    fn floats(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=u32::MAX).step_by(997).map(f32::from_bits).filter(move |x| (from..=to).contains(x))
    }

    #[test]
    fn exp_is_right_over_its_whole_range() {
        for x in floats(-87.0, 0.0) {
            // SAFETY: one float needs no instructions.
            let found = f64::from(unsafe { exp(x) });
            let expected = f64::from(x).exp();
            assert!((found / expected - 1.0).abs() < 2.5e-7, "exp({x}) = {found}, not {expected}");
        }
        // SAFETY: as above.
        assert!(unsafe { exp(-1e30f32) } < 1e-37);
    }

    #[test]
    fn gelu_is_right_over_its_whole_range() {
        for x in floats(-30.0, 30.0) {
            // SAFETY: one float needs no instructions.
            let found = f64::from(unsafe { gelu(x) });
            let expected = f64::from(x) * 0.5 * erfc(-f64::from(x) / 2f64.sqrt());
            let bound = 3e-7 * f64::from(x).abs() + 1e-40;
            assert!((found - expected).abs() <= bound, "gelu({x}) = {found}, not {expected}");
        }
    }

    #[test]
    fn the_short_functions_are_right_over_their_whole_range() {
        for y in floats(-126.0, 0.0) {
            // SAFETY: one float needs no instructions.
            let found = f64::from(unsafe { exp2_short(y) });
            let expected = f64::from(y).exp2();
            assert!((found / expected - 1.0).abs() < 8e-5, "exp2_short({y}) = {found}, not {expected}");
        }
        for x in floats(-30.0, 30.0) {
            // SAFETY: as above.
            let found = f64::from(unsafe { gelu_short(x) });
            let expected = f64::from(x) * 0.5 * erfc(-f64::from(x) / 2f64.sqrt());
            assert!((found - expected).abs() <= 1e-4, "gelu_short({x}) = {found}, not {expected}");
        }
        // SAFETY: as above.
        assert!(unsafe { exp2_short(f32::NEG_INFINITY) } < 1e-37);
    }

    #[test]
    fn the_other_activations_are_right_over_their_whole_range() {
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        for x in floats(-30.0, 30.0) {
            let wide = f64::from(x);
            let tanh = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            // SAFETY: one float needs no instructions.
            let found = unsafe { [gelu_tanh(x), silu(x), relu(x)] };
            let expected = [wide * logistic(2.0 * tanh), wide * logistic(wide), wide.max(0.0)];
            for (found, expected) in found.into_iter().zip(expected) {
                let bound = 2e-6 * wide.abs() + 1e-37;
                assert!((f64::from(found) - expected).abs() <= bound, "of {x}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_stays_so_or_is_seen_before() {
        for x in [f32::NAN, f32::INFINITY] {
            // SAFETY: one float needs no instructions.
            assert!(
                unsafe { [gelu(x), gelu_short(x), gelu_tanh(x), silu(x), relu(x)] }
                    .iter()
                    .all(|value| !value.is_finite())
            );
        }
    }

    /// 1 − erf(x) in 64 bits, by its series near 0, and by its continued fraction elsewhere.
    fn erfc(x: f64) -> f64 {
        if x < 0.0 {
            return 2.0 - erfc(-x);
        }
        if x < 2.0 {
            let (mut term, mut sum) = (x, x);
            for n in 1..100 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return 1.0 - sum * 2.0 / std::f64::consts::PI.sqrt();
        }
        let fraction = (1..=80).rev().fold(x, |fraction, n| x + f64::from(n) / 2.0 / fraction);
        (-x * x).exp() / fraction / std::f64::consts::PI.sqrt()
    }
}
