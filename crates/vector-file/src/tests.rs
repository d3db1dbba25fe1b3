//! What is written is read, by this crate and by the formats' own readers; anything else is refused.

use super::npy_header::NpyHeader;
use std::fs::File;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

use crate::matrix::HEADER;
use crate::safetensors_file::TENSOR;
use crate::{VectorFormat, VectorReader, VectorWriter};

fn written(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let (file, format) = (File::create(&path).unwrap(), VectorFormat::of(&path).unwrap());
    let mut writer = VectorWriter::create(file, &path, format, 2).unwrap();
    writer.write(&[0.6, 0.8]).unwrap();
    writer.write(&[1.0, 0.0, 0.0, -1.0]).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn rows_come_back_as_they_went_in() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.npy", "a.safetensors"] {
        let path = written(dir.path(), name);
        let mut reader = VectorReader::open(&path).unwrap();
        assert_eq!((reader.rows(), reader.dim()), (3, 2));
        let rows: Vec<_> = std::iter::from_fn(|| reader.row(true).unwrap()).collect();
        assert_eq!(rows, [[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), (HEADER + 24) as u64);
    }
}

#[test]
fn the_formats_own_readers_understand_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let npy = std::fs::read(written(dir.path(), "a.npy")).unwrap();
    let mut data = &npy[..];
    let header = NpyHeader::read(&mut data).unwrap();
    assert_eq!((header.descr.as_str(), header.fortran_order, &header.shape[..]), ("<f4", false, &[3, 2][..]));
    let values: Vec<f32> = data.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(values, [0.6, 0.8, 1.0, 0.0, 0.0, -1.0]);
    let bytes = std::fs::read(written(dir.path(), "a.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor(TENSOR).unwrap().shape(), [3, 2]);
}

#[test]
fn what_is_not_a_matrix_of_floats_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let npy = |descr: &str, order: &str, shape: &str| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&[0; 32]);
        bytes
    };
    let said = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        let error = VectorReader::open(&path).unwrap_err().to_string();
        error.split(": ").skip(1).collect::<Vec<_>>().join(": ")
    };
    assert_eq!(said(npy("<f8", "False", "(2, 2)")), "its numbers are '<f8', not float32 (<f4)");
    assert_eq!(said(npy("<f4", "False", "(8,)")), "an array of 1 dimensions, not 2");
    assert_eq!(said(npy("<f4", "True", "(2, 4)")), "its rows are in Fortran order, not in C order");
    assert!(said(npy("<f4", "False", "(20000, 4)")).starts_with("its header says 20000 rows of 4 numbers"));
    assert!(said(npy("<f4", "False", "(18446744073709551615, 4)")).starts_with("its header says"));
    assert!(said(b"PK\x03\x04".to_vec()).starts_with("not a npy file"));
    let later = |length: u32, text: &[u8]| [b"\x93NUMPY\x02\x00", &length.to_le_bytes()[..], text].concat();
    assert_eq!(said(later(u32::MAX, b"{")), "not a npy file: a header of 4294967295 bytes");
    assert_eq!(
        said(later(9_000, &[b'('; 9_000])),
        "not a npy file: its header has \"((((((((((((((((((((\" in place of '{'"
    );
    assert!(said(later(9_000, b"{")).starts_with("not a npy file"));
    let text = dir.path().join("x.txt");
    assert!(VectorReader::open(&text).unwrap_err().to_string().ends_with("neither in .npy nor in .safetensors"));
}

#[test]
fn rows_that_are_not_of_length_1_or_not_numbers_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let said = |rows: &[f32], normalized| {
        let file = File::create(&path).unwrap();
        let mut writer = VectorWriter::create(file, &path, VectorFormat::Npy, 2).unwrap();
        writer.write(rows).unwrap();
        writer.finish().unwrap();
        let mut reader = VectorReader::open(&path).unwrap();
        loop {
            match reader.row(normalized) {
                Ok(Some(_)) => {}
                Ok(None) => return "fine".to_owned(),
                Err(error) => return error.to_string().rsplit(": ").next().unwrap().to_owned(),
            }
        }
    };
    assert_eq!(said(&[1.0, 0.0, 3.0, 4.0], true), "row 1 (from 0) has length 5.0000, not 1");
    assert_eq!(said(&[1.0, 0.0, 3.0, 4.0], false), "fine");
    assert_eq!(said(&[1.0, 0.0, 0.0, f32::NAN], false), "row 1 (from 0) has NaN at component 1");
}
