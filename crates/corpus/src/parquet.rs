//! Parquet: a row is a record, a column a field.
//!
//! Rows are read as the format's own record reader puts them together, a row group's pages at a time. What JSON has no word
//! for is written as filters understand it: dates and instants as in ISO 8601, decimals as numbers. Bytes are text where
//! they are UTF-8 (as old writers left it) and left out where they are not: pictures and sounds are no metadata. What a file
//! may take of memory is bounded in [`guard`].

mod guard;
mod thrift;

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use ::parquet::file::reader::ChunkReader;
use ::parquet::record::reader::TreeBuilder;
use ::parquet::record::{Field, Row};
use bytes::Bytes;
use serde_json::{Map, Value};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, Duration, OffsetDateTime, Time};

use super::bounded::{self, LARGEST};
use super::{Record, Sink};
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// Where the bytes are: their end is read before their start.
pub(super) enum Source<R> {
    /// A file on the disk.
    File(File),
    /// A stream, which is read to its end and held in memory: a short one.
    Stream(R),
}

/// Pushes every row's record.
pub(super) fn read(source: Source<impl Read>, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    match source {
        Source::File(file) => rows(file, name, sink),
        Source::Stream(stream) => {
            let all = bounded::all(stream).and_then(|all| {
                let long =
                    || format!("more than {} MiB of Parquet in a stream: decompress it to a file", LARGEST >> 20);
                all.ok_or_else(|| io::Error::other(long()))
            });
            match all {
                Ok(all) => rows(Bytes::from(all), name, sink),
                Err(source) => sink(Err(CorpusError::Input { place: Place::whole(name), source })),
            }
        }
    }
}

/// The number of rows, as the file tells it.
pub(super) fn count(file: File) -> Option<u64> {
    u64::try_from(metadata(&file).ok()?.file_metadata().num_rows()).ok()
}

fn metadata(file: &impl ChunkReader) -> Result<ParquetMetaData, ParquetError> {
    guard::check_footer(file)?;
    ParquetMetaDataReader::new().parse_and_finish(file)
}

fn rows<F: ChunkReader + 'static>(file: F, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let bad = |place: Place, error: ParquetError| {
        Err(CorpusError::Format { place, expected: "a Parquet file that can be read", found: reason(&error) })
    };
    let file = Arc::new(file);
    let metadata = match metadata(&*file) {
        Ok(metadata) => metadata,
        Err(error) => return sink(bad(Place::whole(name), error)),
    };
    let rows = metadata.row_groups().iter().flat_map(|group| match rows_of(group, &file) {
        Ok(rows) => Box::new(rows) as Box<dyn Iterator<Item = Result<Row, ParquetError>>>,
        Err(error) => Box::new(std::iter::once(Err(error))),
    });
    for (number, row) in (1..).zip(rows) {
        let place = Place::line(name, number);
        match row {
            Ok(row) => sink(record(row, place))?,
            // What follows cannot be found without what stands here.
            Err(error) => return sink(bad(place, error)),
        }
    }
    ControlFlow::Continue(())
}

/// The rows of a row group.
fn rows_of<F: ChunkReader + 'static>(
    group: &RowGroupMetaData,
    file: &Arc<F>,
) -> Result<impl Iterator<Item = Result<Row, ParquetError>> + use<F>, ParquetError> {
    let at_a_time = guard::check_group(group, file.len())?;
    let guarded = guard::Guarded { file: Arc::clone(file), group, held: Arc::new(AtomicUsize::new(0)) };
    TreeBuilder::new().with_batch_size(at_a_time).as_iter(group.schema_descr_ptr(), &guarded)
}

fn record(row: Row, place: Place) -> Result<Record, CorpusError> {
    let fields = object(row);
    if bounded::weight(&fields) > 2 * LARGEST {
        return Err(CorpusError::record(&place, BadRecord::TooLarge { max: LARGEST }));
    }
    Ok(Record { fields, place, titled: true, markup: None, columns: None })
}

/// The library's words, without the kind of error before them.
fn reason(error: &ParquetError) -> String {
    let message = error.to_string();
    let reason = message.split_once(": ").map_or(message.as_str(), |(_, reason)| reason);
    reason.strip_suffix('.').unwrap_or(reason).to_owned()
}

fn object(row: Row) -> Map<String, Value> {
    row.into_columns().into_iter().filter_map(|(name, field)| Some((name, value(field)?))).collect()
}

/// A field as JSON; `None` for bytes that are no text.
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
        // By its own digits: as a 64-bit float 0.1 would become 0.10000000149.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Format, Input, records};

    fn data(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/parquet").join(name)
    }

    fn read_all(input: Input) -> Vec<Result<Record, String>> {
        let records = records(&[input], Format::Auto).unwrap();
        records.map(|record| record.map_err(|error| error.to_string())).collect()
    }

    fn fields(record: &Result<Record, String>) -> Value {
        record.as_ref().unwrap().fields.clone().into()
    }

    #[test]
    fn what_pyarrow_wrote_is_read_in_every_compression() {
        for compression in ["none", "snappy", "gzip", "zstd", "lz4"] {
            let all = read_all(Input::File(data(&format!("{compression}.parquet"))));
            assert_eq!(all.len(), 3, "{compression}");
            let first = json!({
                "id": 1, "text": "bees dance", "title": "Bees", "topic": "insects",
                "author": {"name": "Karl", "born": 1886}, "tags": ["a", "b"], "counts": {"x": 1},
                "score": 0.1, "price": 1.5, "ok": true, "day": "2020-06-01", "at": "2020-06-01T12:30:00Z",
            });
            assert_eq!(fields(&all[0]), first, "{compression}");
            let third = json!({
                "id": 3, "text": "rain falls", "title": "Rain", "topic": "insects",
                "author": {"name": "Ann", "born": null}, "tags": null, "counts": {"y": 2, "z": 3},
                "score": 2.5, "price": 12.0, "ok": null, "day": "1969-12-31", "at": null, "picture": "plain",
            });
            assert_eq!(fields(&all[2]), third, "{compression}");
            assert_eq!(all[2].as_ref().unwrap().place.line, Some(3));
        }
    }

    #[test]
    fn rows_are_counted_without_being_read() {
        assert_eq!(count(File::open(data("zstd.parquet")).unwrap()), Some(3));
        assert_eq!(count(File::open(data("make.py")).unwrap()), None);
    }

    #[test]
    fn a_file_is_told_by_its_content_and_may_come_compressed() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(data("snappy.parquet")).unwrap();
        for (name, bytes) in [("a", bytes.clone()), ("a.parquet.gz", crate::compression::tests::gzip(&bytes))] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read_all(Input::File(path)).len(), 3, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_says_why() {
        let message = |path| read_all(Input::File(path)).pop().unwrap().unwrap_err();
        let brotli = message(data("brotli.parquet"));
        assert!(
            brotli.ends_with(
                "brotli.parquet:1: not a Parquet file that can be read: Disabled feature at compile time: brotli"
            ),
            "{brotli}"
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        std::fs::write(&path, "no table").unwrap();
        let none = message(path.clone());
        assert!(none.contains("a.parquet: not a Parquet file that can be read: "), "{none}");
        let bytes = std::fs::read(data("none.parquet")).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(message(path).contains("not a Parquet file"));
    }

    #[test]
    fn damage_anywhere_is_an_error_or_other_values_and_never_the_end_of_the_program() {
        let bytes = std::fs::read(data("snappy.parquet")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        for at in (0..bytes.len()).step_by(5) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            std::fs::write(&path, &changed).unwrap();
            assert!(!read_all(Input::File(path.clone())).is_empty(), "byte {at}");
        }
    }
}
