//! The values of a Parquet row as JSON.
//!
//! Types that JSON does not have are written in the way that filters understand: dates and instants as in ISO 8601,
//! decimals as numbers. Bytes are text if they are UTF-8 (old writers wrote text so), and are left out if not: pictures
//! and sounds are no metadata.

use ::parquet::record::{Field, Row};
use serde_json::{Map, Value};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, Duration, OffsetDateTime, Time};

/// The fields of a row as JSON. Bytes that are not text are left out.
pub(super) fn object(row: Row) -> Map<String, Value> {
    row.into_columns().into_iter().filter_map(|(name, field)| Some((name, value(field)?))).collect()
}

/// A field as JSON; `None` for bytes that are not text.
fn value(field: Field) -> Option<Value> {
    Some(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => value.into(),
        Field::Byte(number) => number.into(),
        Field::Short(number) => number.into(),
        Field::Int(number) => number.into(),
        Field::Long(number) => number.into(),
        Field::UByte(number) => number.into(),
        Field::UShort(number) => number.into(),
        Field::UInt(number) => number.into(),
        Field::ULong(number) => number.into(),
        Field::Float16(number) => f32::from(number).into(),
        // Converted through its digits: otherwise 0.1 would become the 64-bit float 0.10000000149.
        Field::Float(number) => number.to_string().parse::<f64>().ok().into(),
        Field::Double(number) => number.into(),
        Field::Str(text) => text.into(),
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok()?.into(),
        Field::Date(days) => date(days),
        Field::TimeMillis(millis) => time(i64::from(millis) * 1_000_000),
        Field::TimeMicros(micros) => time(micros.saturating_mul(1000)),
        Field::TimestampMillis(millis) => instant(i128::from(millis) * 1_000_000),
        Field::TimestampMicros(micros) => instant(i128::from(micros) * 1000),
        Field::Group(row) => object(row).into(),
        Field::ListInternal(ref list) => list.elements().iter().cloned().filter_map(value).collect(),
        Field::MapInternal(ref map) => {
            let entry = |(key, field): &(Field, Field)| Some((key_of(key), value(field.clone())?));
            Value::Object(map.entries().iter().filter_map(entry).collect())
        }
        Field::Decimal(_) => {
            let digits = field.to_string();
            digits.parse::<f64>().map_or(Value::String(digits), Value::from)
        }
    })
}

fn key_of(field: &Field) -> String {
    match value(field.clone()) {
        Some(Value::String(text)) => text,
        other => other.unwrap_or_default().to_string(),
    }
}

fn date(days: i32) -> Value {
    let date = OffsetDateTime::UNIX_EPOCH.date().checked_add(Duration::days(days.into()));
    date.and_then(|date: Date| date.format(&Iso8601::DATE).ok()).into()
}

fn time(nanoseconds: i64) -> Value {
    let time = Time::MIDNIGHT + Duration::nanoseconds(nanoseconds);
    let (hour, minute, second) = time.as_hms();
    format!("{hour:02}:{minute:02}:{second:02}").into()
}

fn instant(nanoseconds: i128) -> Value {
    let instant = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok();
    instant.and_then(|instant| instant.format(&Rfc3339).ok()).into()
}
