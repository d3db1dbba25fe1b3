//! Cases that rarely come about by chance, and what cannot be copied.

use std::path::Path;
use std::time::Duration;

use semsearch_store::{IndexConfig, Source, StoreError};

use super::*;
use crate::merge;

/// Puts each part of these documents by a commit of its own.
fn commits(room: &Room, name: &str, parts: &[std::ops::Range<u8>]) -> LocalSnapshot {
    for part in parts {
        let mut writer = writer(&room.path(name));
        part.clone().for_each(|id| assert_eq!(room.made(id, 0).put(&mut *writer), Change::Added));
        writer.commit().unwrap();
    }
    opened(&room.path(name))
}

/// What an index keeps of these documents, which were put one after the other.
fn all_kept(room: &Room, ids: std::ops::Range<u8>) -> Vec<CopiedPassage> {
    let mut kept: Vec<CopiedPassage> = Vec::new();
    for id in ids {
        let first = kept.last().map_or(0, |last| last.key + 1);
        kept.extend(room.made(id, 0).kept(first));
    }
    kept
}

#[test]
fn keys_of_segments_that_surround_each_other_ascend() {
    let room = Room::new();
    // Small segments become one, around the large one in their middle.
    let sizes = [1, 1, 1, 1, 40, 1, 1, 1, 1, 1];
    let mut next = 0;
    let parts = sizes.map(|size| {
        next += size;
        next - size..next
    });
    let index = commits(&room, "index", &parts);
    let ranges: Vec<_> =
        index.manifest().segments.iter().map(|segment| (segment.first_key, segment.last_key)).collect();
    assert!(ranges.iter().any(|a| ranges.iter().any(|b| a.0 < b.0 && b.1 < a.1)), "{ranges:?}");
    assert_same(&copies(&index), &all_kept(&room, 0..next));
}

#[test]
fn indexes_that_were_merged_are_copied_in_the_order_of_the_merge() {
    let room = Room::new();
    commits(&room, "first", &[0..5, 5..9]);
    commits(&room, "second", &[9..15, 15..20]);
    let dir = room.path("merged");
    merge(&dir, &[room.path("first"), room.path("second")], Duration::ZERO).unwrap();
    assert!(!opened(&dir).manifest().documents.shifts.is_empty());
    assert_same(&copies(&opened(&dir)), &all_kept(&room, 0..20));
}

#[test]
fn to_copy_twice_changes_nothing() {
    let room = Room::new();
    let made: Vec<Made> = (0..10).map(|id| room.made(id, 0)).collect();
    let index = room.index("index", &made);
    let dir = room.path("copied");
    assert_eq!(fill(&dir, &index), [Change::Added; 10]);
    let before = opened(&dir);
    assert_eq!(fill(&dir, &index), [Change::Unchanged; 10]);
    assert_eq!(opened(&dir).facts(), before.facts());

    // Another version replaces the document, as a whole.
    let mut writer = writer(&room.path("index"));
    assert_eq!(room.made(3, 1).put(&mut *writer), Change::Updated);
    writer.commit().unwrap();
    let changes = fill(&dir, &opened(&room.path("index")));
    assert_eq!(changes, [&[Change::Unchanged; 9][..], &[Change::Updated]].concat());
    let others = made.into_iter().filter(|made| made.document.id != "d3");
    let put = room.index("put", &others.chain([room.made(3, 1)]).collect::<Vec<_>>());
    let but_for_keys = |index: &LocalSnapshot| -> Vec<CopiedPassage> {
        copies(index).into_iter().map(|passage| CopiedPassage { key: 0, first: 0, ..passage }).collect()
    };
    assert_same(&but_for_keys(&opened(&dir)), &but_for_keys(&put));
    assert!(verify(&dir).unwrap().faults.is_empty());
}

#[test]
fn a_document_of_two_indexes_is_that_of_the_last_one() {
    let room = Room::new();
    let (first, second) = (room.index("first", &[room.made(1, 0)]), room.index("second", &[room.made(1, 1)]));
    let mut writer = writer(&room.path("copied"));
    let changes = [&first, &second, &second].map(|index| writer.put_copied(&copies(index)).unwrap());
    assert_eq!(changes, [Change::Added, Change::Updated, Change::Unchanged]);
    assert_eq!(writer.put_copied(&[]).unwrap(), Change::Unchanged);
    assert_eq!(writer.commit().unwrap().documents, 1);
    let copied = copies(&opened(&room.path("copied")));
    let texts = |passages: &[CopiedPassage]| passages.iter().map(|passage| passage.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&copied), texts(&room.made(1, 1).kept(0)));
}

#[test]
fn documents_that_were_copied_are_unchanged_for_their_own_inputs_and_can_be_pruned() {
    let room = Room::new();
    let made: Vec<Made> = (0..30).map(|id| room.made(id, 0)).collect();
    let dir = room.path("copied");
    fill(&dir, &room.index("index", &made));

    let mut again = writer(&dir);
    let rest = made.iter().skip(5);
    rest.for_each(|made| assert_eq!(made.compare(&mut *again).change, Change::Unchanged));
    for (embedded, nameless, vector) in made.iter().flat_map(Made::embedded) {
        let found =
            |row: Option<Vec<f32>>| row.map(|row| row.iter().map(|number| number.to_bits()).collect::<Vec<_>>());
        let expected: Vec<u32> = vector.iter().map(|number| number.to_bits()).collect();
        if let Some(text) = embedded {
            assert_eq!(found(again.vector_of(text).unwrap()), Some(expected));
        }
        // Its file is there.
        assert_eq!(nameless.map(|text| again.renamed_vector(text).unwrap()), nameless.map(|_| None));
    }
    assert_eq!(again.prune(&[], &|_| false, &|_| false).unwrap(), 5);
    assert_eq!(again.commit().unwrap().documents, 25);
}

#[test]
fn documents_that_are_copied_stay_when_the_same_run_is_pruned() {
    let room = Room::new();
    let index = room.index("index", &(0..10).map(|id| room.made(id, 0)).collect::<Vec<_>>());
    let mut writer = writer(&room.path("copied"));
    for document in copies(&index).chunk_by(|a, b| a.first == b.first) {
        writer.put_copied(document).unwrap();
    }
    room.inputs.iter().for_each(|input| writer.note_empty(input));
    assert_eq!(writer.prune(&[], &|_| false, &|_| false).unwrap(), 0);
    assert_eq!(writer.commit().unwrap().documents, 10);
}

#[test]
fn a_vector_is_found_by_its_nameless_text_once_the_file_is_gone() {
    let room = Room::new();
    let made: Vec<Made> = (0..30).map(|id| room.made(id, 0)).collect();
    let dir = room.path("copied");
    fill(&dir, &room.index("index", &made));
    let gone = made.iter().filter(|made| made.document.place.input == room.inputs[0]);
    let gone: Vec<(&str, &[f32])> =
        gone.flat_map(Made::embedded).filter_map(|(_, nameless, vector)| Some((nameless?, vector))).collect();
    std::fs::remove_file(&*room.inputs[0]).unwrap();
    let mut writer = writer(&dir);
    assert!(!gone.is_empty());
    gone.iter().for_each(|(text, vector)| assert_eq!(writer.renamed_vector(text).unwrap().as_deref(), Some(*vector)));
}

#[test]
fn places_of_copied_documents_move_with_their_index() {
    let room = Room::new();
    let made: Vec<Made> = (0..10).map(|id| room.made(id, 0)).collect();
    fill(&room.path("copied"), &room.index("index", &made));
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(room.path("copied"), elsewhere.path().join("copied")).unwrap();
    let file = |dir: &tempfile::TempDir| dir.path().canonicalize().unwrap().join("docs.jsonl").display().to_string();
    let (before, after) = (file(&room.here), file(&elsewhere));
    let moved = |path: String| if path == before { after.clone() } else { path };
    let mut expected = all_kept(&room, 0..10);
    for passage in &mut expected {
        passage.origin = moved(std::mem::take(&mut passage.origin));
        passage.source = passage.source.take().map(|source| Source { path: moved(source.path), ..source });
    }
    assert!(expected.iter().any(|passage| passage.origin == after));
    assert_same(&copies(&opened(&elsewhere.path().join("copied"))), &expected);
}

#[test]
fn indexes_of_earlier_formats_are_copied_if_they_have_words() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let error = opened(&data.join("index-2")).copy(&mut |_| Ok(())).unwrap_err();
    assert!(matches!(&error, StoreError::NoWords { dir } if dir.ends_with("index-2")), "{error}");
    for format in ["index-3", "index-4"] {
        let (index, room) = (opened(&data.join(format)), Room::new());
        let config = index.facts().config.clone();
        let mut writer = Box::new(LocalWriter::open(&room.path("copied"), config, WriteOptions::default()).unwrap());
        for document in copies(&index).chunk_by(|a, b| a.first == b.first) {
            assert_eq!(writer.put_copied(document).unwrap(), Change::Added);
        }
        let written = writer.commit().unwrap();
        assert_eq!((written.documents, written.passages), (index.facts().documents, index.facts().passages));
        assert!(verify(&room.path("copied")).unwrap().faults.is_empty());
        let copied = opened(&room.path("copied"));
        let unkeyed = |passage: CopiedPassage| CopiedPassage { key: 0, first: 0, ..passage };
        let both = [&index, &copied].map(|index| copies(index).into_iter().map(unkeyed).collect::<Vec<_>>());
        assert_same(&both[0], &both[1]);
    }
}

#[test]
fn what_cannot_be_a_passage_here_is_refused_before_anything_is_put() {
    let room = Room::new();
    let good = room.made(1, 0).kept(0).remove(0);
    let mut writer = writer(&room.path("index"));
    let mut refused = |bad: CopiedPassage| writer.put_copied(&[good.clone(), bad]).unwrap_err().to_string();
    assert_eq!(
        refused(CopiedPassage { vector: vec![0.0; 3], ..good.clone() }),
        "document \"d1\": a vector of 3 components, the index has 4"
    );
    let words = vec![("a".into(), u32::MAX), ("b".into(), u32::MAX)];
    let said = refused(CopiedPassage { words, ..good.clone() });
    assert!(said.starts_with("document \"d1\": 8589934590 words in a text of "), "{said}");
    assert_eq!(writer.put_copied(&[good]).unwrap(), Change::Added);
    assert_eq!(writer.commit().unwrap().passages, 1);
}

#[test]
fn an_error_of_the_caller_ends_the_copy() {
    let room = Room::new();
    let index = room.index("index", &[room.made(1, 0), room.made(2, 0)]);
    let mut seen = 0;
    let error = index.copy(&mut |_| {
        seen += 1;
        Err(StoreError::Unsupported("enough".into()))
    });
    assert_eq!((error.unwrap_err().to_string().as_str(), seen), ("enough", 1));
}

#[test]
fn many_occurrences_of_a_word_are_as_many() {
    let room = Room::new();
    // More than are given to tantivy at once.
    let words: Vec<(String, u32)> =
        (0..3000).map(|n| (format!("w{n:04}"), 1 + n % 7)).chain([("x".into(), 20_000)]).collect();
    let long = CopiedPassage { words, ..room.made(1, 0).kept(0).remove(0) };
    let mut writer = writer(&room.path("index"));
    writer.put_copied(std::slice::from_ref(&long)).unwrap();
    writer.commit().unwrap();
    assert_same(&copies(&opened(&room.path("index"))), &[long]);
}

#[test]
fn vectors_that_an_index_does_not_give_back_cannot_be_copied_and_rounded_ones_are_copied_as_they_are() {
    let room = Room::new();
    let mut rows = (0..).map(|n: u8| vec![f32::from(n), 1.0, f32::from(n % 7), -f32::from(n).sqrt()]);
    let documents: Vec<Vec<CopiedPassage>> = (0..60).map(|id| room.made(id, 0).kept(0)).collect();
    let documents: Vec<Vec<CopiedPassage>> = documents
        .into_iter()
        .map(|passages| passages.into_iter().zip(&mut rows).map(|(p, vector)| CopiedPassage { vector, ..p }).collect())
        .collect();
    let index = |factory: &str| {
        let config = IndexConfig { factory: factory.into(), ..config() };
        let mut writer = Box::new(LocalWriter::open(&room.path(factory), config, WriteOptions::default()).unwrap());
        documents.iter().for_each(|passages| assert_eq!(writer.put_copied(passages).unwrap(), Change::Added));
        writer.commit().unwrap();
        opened(&room.path(factory))
    };
    let error = index("IVF4,PQ4x4fs").copy(&mut |_| Ok(())).unwrap_err();
    assert!(matches!(&error, StoreError::Library { what, .. } if what == "cannot read vectors back"), "{error}");
    let rounded = index("SQ8");
    for passage in copies(&rounded) {
        assert_eq!(Some(passage.vector), rounded.vector(passage.key).unwrap());
    }
}

#[test]
fn files_that_change_while_they_are_copied_are_an_error() {
    let room = Room::new();
    let whole = room.path("whole");
    room.index("whole", &(0..40).map(|id| room.made(id, 0)).collect::<Vec<_>>());
    let files = ["catalog", "vectors"].map(|part| fs::read_dir(whole.join(part)).unwrap());
    for file in files.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        for at in (0..8).map(|part| bytes.len() * part / 8) {
            let index = opened(&whole);
            let flipped = [&bytes[..at], &[!bytes[at]], &bytes[at + 1..]].concat();
            fs::write(&file, flipped).unwrap();
            let copied = index.copy(&mut |_| Ok(()));
            fs::write(&file, &bytes).unwrap();
            assert!(matches!(copied, Err(StoreError::Damaged { .. })), "{} {at}: {copied:?}", file.display());
        }
    }
    copies(&opened(&whole));
}
