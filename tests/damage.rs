//! Changes every byte of a small index, and cuts every file at every length. Each must give an error that names the
//! file, or the same content. None may cause a crash, a hang, or another answer.

use std::fs;
use std::path::Path;

use semsearch::index::{LocalStore, Snapshot, Store, StoreError, StoredPassage};

use crate::support::{Sandbox, open, passages_of, tiny_model};

/// The documents and their vectors, read with the library in the same way as a query reads them.
fn content(dir: &Path) -> Result<Vec<(StoredPassage, Vec<f32>)>, StoreError> {
    let index = open(dir)?;
    let mut rows = Vec::new();
    index.vectors(&mut |key, row| {
        rows.push((key, row.to_vec()));
        Ok(())
    })?;
    let documents = passages_of(&index, rows.iter().map(|(key, _)| *key))?;
    Ok(rows.into_iter().map(|(key, row)| (documents[&key].clone(), row)).collect())
}

/// An index with this factory: a few documents in two segments, some of them removed again.
fn small_index(factory: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let line =
        |id: u32, text: &str| format!("{{\"_id\":\"{id}\",\"title\":\"t{id}\",\"text\":\"{text}\",\"n\":{id}}}\n");
    sandbox.write(
        "a.jsonl",
        [line(1, "dog"), line(2, "cat walk"), line(3, "rain"), line(4, "a b"), line(5, "c")].concat(),
    );
    sandbox.write("b.jsonl", [line(1, "dogs today"), line(6, "walk a dog")].concat());
    for input in ["a.jsonl", "b.jsonl"] {
        sandbox.run(&["index", input, "--model", "tiny", "--factory", factory]).success();
    }
    sandbox
}

fn try_every_damage(factory: &str) {
    let sandbox = small_index(factory);
    let dir = sandbox.path(".semsearch");
    let whole = content(&dir).unwrap();
    assert_eq!(whole.len(), 6);
    let (mut noticed, mut tried) = (0, 0);
    for (path, bytes) in sandbox.index_bytes() {
        let mut check = |damaged: &[u8], what: &str| {
            fs::write(&path, damaged).unwrap();
            tried += 1;
            match content(&dir) {
                Ok(found) => assert!(found == whole, "{factory}, {}: {what}: another answer", path.display()),
                Err(StoreError::Damaged { path: named, .. }) => {
                    assert_eq!(named, path, "{factory}: {what}");
                    noticed += 1;
                }
                Err(other) => panic!("{factory}, {}: {what}: {other}", path.display()),
            }
        };
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            // One bit, a different one for each byte; in every ninth byte, all bits.
            changed[at] ^= if at % 9 == 8 { 0xff } else { 1 << (at % 9) };
            check(&changed, &format!("byte {at} changed"));
            check(&bytes[..at], &format!("cut at {at}"));
        }
        check(&[&bytes[..], b"\0"].concat(), "a byte more");
        fs::write(&path, &bytes).unwrap();
        assert!(content(&dir).unwrap() == whole);
    }
    // Only a change in the white space at the end of the manifest may go unnoticed.
    assert!(noticed + 4 >= tried, "{factory}: {noticed} of {tried} noticed");
    assert!(LocalStore::new(&dir).verify().unwrap().faults.is_empty());
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    try_every_damage("Flat");
}

#[test]
fn and_in_an_index_that_is_trained_and_one_that_is_a_graph() {
    try_every_damage("IVF2,SQ8");
    try_every_damage("HNSW4");
}

#[test]
fn a_missing_file_is_named() {
    let sandbox = small_index("Flat");
    let dir = sandbox.path(".semsearch");
    for (path, bytes) in sandbox.index_bytes() {
        fs::remove_file(&path).unwrap();
        match content(&dir) {
            Err(StoreError::Damaged { path: named, .. }) => assert_eq!(named, path),
            Err(StoreError::NoIndex { .. }) => assert!(path.ends_with("manifest.json")),
            other => panic!("{}: {:?}", path.display(), other.map(|found| found.len())),
        }
        fs::write(&path, &bytes).unwrap();
    }
}
