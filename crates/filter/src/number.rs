//! JSON numbers, compared exactly, and encoded as bytes with the same order.
//!
//! serde_json stores a number as i64, u64 or finite f64. None of these types holds all values of the others, so numbers
//! are not converted for a comparison: 9007199254740993 is not 9007199254740992.0, and 1 is 1.0.

use std::cmp::Ordering;

use serde_json::Number;

/// The order of `a` relative to `b`.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => compare_whole(a, float(b)),
        (None, Some(b)) => compare_whole(b, float(a)).reverse(),
        (None, None) => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
    }
}

/// Encodes `number` as bytes, whose order is that of [`compare`]: the nearest f64, then the difference to it.
pub(super) fn encode(number: &Number) -> [u8; 10] {
    let (nearest, rest) = match whole(number) {
        // A u64 is at most 1024 away from the nearest f64.
        Some(whole) => (whole as f64, (whole - whole as f64 as i128) as i16),
        // This changes -0.0 to 0.0.
        None => (float(number) + 0.0, 0),
    };
    let bits = nearest.to_bits();
    // The order of floats in IEEE 754 is that of their bits, except for the sign: negative floats ascend as their bits
    // descend.
    let ordered = if nearest.is_sign_negative() { !bits } else { bits | 1 << 63 };
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&ordered.to_be_bytes());
    bytes[8..].copy_from_slice(&(rest as u16 ^ 1 << 15).to_be_bytes());
    bytes
}

/// The number whose encoding `bytes` are; `None` if they are none.
pub(super) fn decode(bytes: &[u8; 10]) -> Option<Number> {
    let [first @ .., high, low] = *bytes;
    let ordered = u64::from_be_bytes(first);
    let nearest = f64::from_bits(if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered });
    let rest = (u16::from_be_bytes([high, low]) ^ 1 << 15) as i16;
    let whole = nearest as i128 + i128::from(rest);
    if nearest.fract() != 0.0 {
        return Number::from_f64(nearest);
    }
    let integer = i64::try_from(whole).map(Number::from).or_else(|_| u64::try_from(whole).map(Number::from));
    integer.ok().or_else(|| Number::from_f64(nearest))
}

/// The number that `text` writes in decimal, as in `12.50`, `.5` or `1e3`. A text with leading zeros is not a number:
/// `007` is a code.
pub(super) fn of_decimal(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if !plain || (digits > 1 && unsigned.starts_with('0')) {
        return None;
    }
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

/// The number, if it is stored as an integer.
fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

fn compare_whole(whole: i128, float: f64) -> Ordering {
    // The conversion saturates at i128's limits, which are far outside those of i64 and u64.
    let by_whole = whole.cmp(&(float.trunc() as i128));
    by_whole.then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(json: serde_json::Value) -> Number {
        serde_json::from_value(json).unwrap()
    }

    /// Numbers where integers and floats differ: around zero, 2⁵³, 2⁶³ and 2⁶⁴, and anywhere.
    fn numbers() -> impl Strategy<Value = Number> {
        let near = |center: f64| {
            (-3000i128..3000).prop_map(move |step| {
                let whole = center as i128 + step;
                let integer =
                    i64::try_from(whole).map(Number::from).or_else(|_| u64::try_from(whole).map(Number::from));
                integer.or_else(|_| Number::from_f64(whole as f64).ok_or(())).unwrap()
            })
        };
        let floats = prop_oneof![any::<f64>(), (-3000i32..3000).prop_map(|n| f64::from(n) / 4.0), Just(-0.0)];
        prop_oneof![
            any::<i64>().prop_map(Number::from),
            any::<u64>().prop_map(Number::from),
            floats.prop_filter_map("JSON has finite numbers only", Number::from_f64),
            (-3000i64..3000).prop_map(Number::from),
            prop::sample::select(vec![53, 63, 64]).prop_flat_map(move |power| near(2f64.powi(power))),
            (0i32..12).prop_filter_map("finite", |step| Number::from_f64(2f64.powi(53 + step) + 2.0 * f64::from(step))),
        ]
    }

    proptest! {
        #[test]
        fn bytes_have_the_order_of_the_numbers(a in numbers(), b in numbers()) {
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), compare(&a, &b));
        }

        #[test]
        fn what_is_decoded_is_the_same_number(number in numbers()) {
            let decoded = decode(&encode(&number)).unwrap();
            prop_assert_eq!(compare(&decoded, &number), Ordering::Equal, "{} {}", decoded, number);
        }
    }

    #[test]
    fn integers_and_floats_compare_exactly() {
        let compared = |a, b| {
            let (a, b) = (number(a), number(b));
            assert_eq!(encode(&a).cmp(&encode(&b)), compare(&a, &b));
            compare(&a, &b)
        };
        assert_eq!(compared(json!(1), json!(1.0)), Ordering::Equal);
        assert_eq!(compared(json!(0), json!(-0.0)), Ordering::Equal);
        assert_eq!(compared(json!(9007199254740993u64), json!(9007199254740992f64)), Ordering::Greater);
        assert_eq!(compared(json!(u64::MAX), json!(18446744073709551616f64)), Ordering::Less);
        assert_eq!(compared(json!(i64::MIN), json!(-9223372036854775808f64)), Ordering::Equal);
        assert_eq!(compared(json!(-1), json!(-0.5)), Ordering::Less);
        assert_eq!(compared(json!(0), json!(-0.5)), Ordering::Greater);
        assert_eq!(compared(json!(7), json!(1e300)), Ordering::Less);
    }
}
