//! Strings that are dates, as ranges of time.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const DAY: i128 = 24 * 60 * 60 * 1_000_000_000;

/// A range of time: a month, a day or one instant. Both ends belong to it. They are nanoseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: i128,
    pub(super) last: i128,
}

impl Span {
    /// Parses `2020-06`, `2020-06-01` or an RFC 3339 date-time, which may lack its offset. Days, and date-times without
    /// an offset, are in UTC. Anything else, even a year, is not a date.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // This quick check excludes most strings.
        let [b'0'..=b'9', _, _, _, b'-', ..] = text.as_bytes() else { return None };
        match text.len() {
            7 => {
                let start = instant(&format!("{text}-01T00:00:00Z"))?;
                Some(Self::starting(start, DAY * i128::from(start.month().length(start.year()))))
            }
            10 => Some(Self::starting(instant(&format!("{text}T00:00:00Z"))?, DAY)),
            _ => Some(Self::starting(instant(text).or_else(|| instant(&format!("{text}Z")))?, 1)),
        }
    }

    /// Whether a text is probably meant as a date, even if the date does not exist: `2020-6-1`, `2020-13`.
    pub(super) fn looks(text: &str) -> bool {
        let mut parts = text.split('-');
        let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let year = parts.next().is_some_and(|year| digits(year, 4..=4));
        let rest: Vec<&str> = parts.collect();
        year && (1..=2).contains(&rest.len()) && rest.iter().all(|part| digits(part, 1..=2))
    }

    fn starting(start: OffsetDateTime, length: i128) -> Self {
        let first = start.unix_timestamp_nanos();
        Self { first, last: first + length - 1 }
    }
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// An instant as bytes. The order of the bytes is the order of time.
pub(super) fn encode(instant: i128) -> [u8; 16] {
    (instant as u128 ^ 1 << 127).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        Span::parse(text).unwrap()
    }

    #[test]
    fn what_looks_like_a_date_is_told_from_codes() {
        for text in ["2020-06", "2020-6-1", "2020-13-01", "2020-00-00"] {
            assert!(Span::looks(text), "{text}");
        }
        for text in ["2020", "2020-", "2020-123", "20-06-01", "2020-06-01-02", "2020-a", "2020-06-01T00:00"] {
            assert!(!Span::looks(text), "{text}");
        }
    }

    #[test]
    fn months_days_and_instants_nest() {
        let (month, day, noon) = (span("2020-02"), span("2020-02-29"), span("2020-02-29T12:00:00Z"));
        assert_eq!(month.last, day.last);
        assert_eq!(month.first, span("2020-02-01T00:00:00Z").first);
        assert_eq!(month.last + 1, span("2020-03-01").first);
        assert_eq!((noon.first - day.first, noon.last), (DAY / 2, noon.first));
        assert_eq!(span("1970-01-01").first, 0);
    }

    #[test]
    fn offsets_are_respected_and_utc_is_assumed_without_one() {
        let utc = span("2024-01-01T00:30:00Z");
        assert_eq!(span("2024-01-01T02:30:00+02:00"), utc);
        assert_eq!(span("2023-12-31t19:30:00.000-05:00"), utc);
        assert_eq!(span("2024-01-01T00:30:00"), utc);
        assert_eq!(span("2024-01-01 00:30:00"), utc);
    }

    #[test]
    fn the_edges_of_the_calendar_are_dates_too() {
        assert_eq!(span("9999-12").last, span("9999-12-31").last);
        assert!(span("0000-01-01T00:00:00+23:59").first < span("0000-01-01").first);
        assert!(span("9999-12-31T23:59:59-23:59").first > span("9999-12-31").last);
    }

    #[test]
    fn other_strings_are_no_dates() {
        for text in
            ["", "2020", "2020-", "2020-13", "2021-02-29", "20200601", "2020-6-1", "2020-06-01T", "2020-é", "abcd-ef"]
        {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_have_the_order_of_time() {
        let texts =
            ["0000-01-01", "1969-12-31T23:59:59.9Z", "1970-01-01", "1970-01-01T00:00:00.000000001Z", "9999-12-31"];
        let encoded: Vec<_> = texts.iter().map(|text| encode(span(text).first)).collect();
        assert!(encoded.is_sorted_by(|a, b| a < b));
    }
}
