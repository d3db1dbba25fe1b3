//! What Parquet files are read as, whole and damaged ones.

#![cfg(feature = "parquet")]

use serde_json::{Value, json};

use crate::format::reader::Reader;
use crate::{Format, Input, Record, records};

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
    assert_eq!(super::ParquetReader.count(&data("zstd.parquet")), Some(3));
    assert_eq!(super::ParquetReader.count(&data("make.py")), None);
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
